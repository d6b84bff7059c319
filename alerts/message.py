"""What people are told about an alert: one bilingual message with everything needed to act."""

from __future__ import annotations

from typing import Any

from registry.models import AlertRow
from schemas import CITY_TIME, catalogue
from schemas.alerts import Kind, Rule
from schemas.registry import Place, Station

HEADS = {
    "open": ("告警", "Alert"),
    "graver": ("告警升级", "Alert, now graver"),
    "recover": ("指标恢复", "Back within the limit"),
    "recover_and_close": ("预警解除", "Warning over"),
    "resume": ("再次超限", "Beyond the limit again"),
    "withdraw": ("告警撤回", "Alert withdrawn"),
    "reappear": ("告警恢复", "Alert is back"),
    "escalate": ("告警逐级上报", "Alert escalated"),
    "acknowledge": ("告警已确认", "Alert acknowledged"),
    "dispatch": ("任务派发", "Alert dispatched"),
    "arrive": ("人员到场", "Officer on site"),
    "close": ("告警办结", "Alert closed"),
    "reopen": ("告警重开", "Alert reopened"),
    "merge": ("告警合并", "Alert merged"),
    "snooze": ("告警暂缓", "Alert snoozed"),
    "hand_over": ("告警移交", "Alert handed over"),
}
GRADES = {"blue": "蓝色", "yellow": "黄色", "orange": "橙色", "red": "红色"}

# What the value is, where it is not the parameter's own: unit, Chinese, English.
MEASURES: dict[Kind, tuple[str, str, str]] = {
    Kind.SILENCE: ("min", "无数据时长", "minutes without data"),
    Kind.NETWORK: ("1", "超限站点数", "stations beyond the limit"),
    Kind.RISE: ("", "升幅", "rise"),
    Kind.CONSTANCY: ("", "极差", "spread"),
    Kind.DISAGREEMENT: ("", "均值差", "difference of means"),
    Kind.FORECAST: ("", "预报值", "forecast"),
}


def unit_of(kind: Kind, parameter: str) -> str:
    """The unit of an alert's numbers; empty for counts."""
    unit = MEASURES.get(kind, ("", "", ""))[0] or catalogue()[parameter].unit
    return "" if unit == "1" else unit


def measure_names(kind: Kind, parameter: str) -> tuple[str, str]:
    """What an alert's numbers are, in Chinese and English."""
    own = catalogue()[parameter]
    _, zh, en = MEASURES.get(kind, ("", "", ""))
    return f"{own.zh}{zh}", f"{own.en} {en}".rstrip()


def message(
    move: str, alert: AlertRow, rule: Rule, station: Station | None, district: Place, why: str = ""
) -> dict[str, Any]:
    """The message of one event, ready to be sent as JSON. Times with the city's offset.

    Every text in it is ours or a person's; whoever shows it escapes it. facts: the text without
    what a person gave as reason, for those outside.
    """
    kind = Kind(alert.kind)
    places = catalogue()[rule.parameter].decimals + 1
    last, peak, limit = (round(n, places) for n in (alert.last, alert.peak, alert.limit_value))
    unit = unit_of(kind, rule.parameter)
    zh_name, en_name = measure_names(kind, rule.parameter)
    sign = ">" if rule.direction == "above" else "<"
    value = f"{peak:g} {sign} {limit:g} {unit}".rstrip()
    since = alert.started.astimezone(CITY_TIME)
    when = since.strftime("%Y-%m-%d %H:%M")
    zh_head, en_head = HEADS[move]
    late_zh, late_en = ("（补传数据）", " (data came late)") if alert.late else ("", "")
    zh_place = district.zh + (station.zh if station else "")
    en_place = f"{district.en}, {station.en}" if station else district.en
    reason_zh, reason_en = (f"；说明：{why}", f"; {why}") if why else ("", "")
    facts_zh = f"{zh_place}：{rule.zh}，{zh_name} {value}，自 {when} 起；依据 {alert.basis}"
    facts_en = f"{en_place}: {rule.en}, {en_name} {value}, since {when}; by {alert.basis}"
    return {
        "alert": alert.id,
        "event": move,
        "state": alert.state,
        "severity": alert.severity,
        "kind": alert.kind,
        "route": alert.route,
        "rule": rule.id,
        "basis": alert.basis,
        "station": alert.station,
        "district": alert.district,
        "subdistrict": alert.subdistrict,
        "level": alert.at_level,
        "sensor": alert.sensor,
        "medium": alert.medium,
        "parameter": rule.parameter,
        "unit": unit,
        "limit": limit,
        "last": last,
        "peak": peak,
        "started": since.isoformat(),
        "ended": alert.ended.astimezone(CITY_TIME).isoformat() if alert.ended else None,
        "late": alert.late,
        "lon": station.lon if station else district.lon,
        "lat": station.lat if station else district.lat,
        "title_zh": f"【{GRADES[alert.severity]}{zh_head}】{zh_place}：{rule.zh}{late_zh}",
        "title_en": f"[{alert.severity} {en_head}] {en_place}: {rule.en}{late_en}",
        "text_zh": facts_zh + reason_zh,
        "text_en": facts_en + reason_en,
        "facts_zh": facts_zh,
        "facts_en": facts_en,
        "place_zh": zh_place,
        "place_en": en_place,
        "rule_zh": rule.zh,
        "rule_en": rule.en,
    }
