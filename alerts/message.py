"""What people are told about an alert: one bilingual message with everything needed to act."""

from __future__ import annotations

from typing import Any

from registry.models import AlertRow
from schemas import CITY_TIME, catalogue
from schemas.alerts import Rule
from schemas.registry import Place, Station

KINDS = {
    "opened": ("告警", "Alert"),
    "updated": ("告警更新", "Alert update"),
    "closed": ("告警解除", "Alert closed"),
}
GRADES = {"blue": "蓝色", "yellow": "黄色", "orange": "橙色", "red": "红色"}


def message(
    kind: str, alert: AlertRow, rule: Rule, station: Station, district: Place
) -> dict[str, Any]:
    """The message of one event, ready to be sent as JSON. Times with the city's offset."""
    parameter = catalogue()[rule.parameter]
    places = parameter.decimals + 1
    last, peak = round(alert.last, places), round(alert.peak, places)
    since = alert.started.astimezone(CITY_TIME)
    zh_kind, en_kind = KINDS[kind]
    sign = ">" if rule.direction == "above" else "<"
    value = f"{peak:g} {parameter.unit} {sign} {alert.limit_value:g} {parameter.unit}"
    when = since.strftime("%Y-%m-%d %H:%M")
    return {
        "alert": alert.id,
        "event": kind,
        "severity": alert.severity,
        "rule": rule.id,
        "source": rule.source,
        "station": station.id,
        "district": district.id,
        "sensor": alert.sensor,
        "parameter": rule.parameter,
        "unit": parameter.unit,
        "limit": alert.limit_value,
        "last": last,
        "peak": peak,
        "started": since.isoformat(),
        "ended": alert.ended.astimezone(CITY_TIME).isoformat() if alert.ended else None,
        "text_zh": f"【{GRADES[alert.severity]}{zh_kind}】{district.zh}{station.zh}:{rule.zh},"
        f"{parameter.zh} {value},自 {when} 起;依据 {rule.source}",
        "text_en": f"[{alert.severity} {en_kind}] {district.en}, {station.en}: {rule.en}, "
        f"{parameter.en} {value}, since {when}; by {rule.source}",
    }
