"""What a bundle lacks, in words: nothing that is missing goes unsaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import polars as pl

from alerts.evidence.bundle import Gap
from alerts.evidence.facts import Judged, RuleAsItWas, Span, WeatherStation
from alerts.evidence.messages import without_message
from schemas.alerts import Alert, Kind
from storage.raw import RawArchive, RawMessage

# Of these, windows cannot be made again from what the store holds.
NOT_AGAIN = (Kind.SILENCE, Kind.NETWORK)


def of_rule(known: RuleAsItWas) -> Iterator[Gap]:
    if known.rule is None:
        yield Gap(
            "rule.json",
            f"未保存哈希为 {known.hash} 的规则版本；限值与依据以告警记录为准",
            f"no version of the rule with hash {known.hash} was kept; limit and basis are the "
            "alert's own",
        )
    elif known.limit is None and known.rule.kind not in NOT_AGAIN:
        yield Gap("rule.json", "峰值时刻查不到限值", "no limit is found for the moment of the peak")


def of_time(found: Alert, span: Span, at: datetime) -> Iterator[Gap]:
    if found.ended is None:
        yield Gap("readings.csv", "固定时超限仍在持续", "the breach was still going on when frozen")
    elif at < span.whole.end:
        yield Gap(
            "readings.csv",
            f"超限后的数据只到固定时刻 {at.isoformat()}",
            f"what came after the breach is there up to {at.isoformat()}, when it was frozen",
        )
    if found.started < span.whole.start:
        yield Gap(
            "readings.csv",
            f"超限时间过长，仅收录 {span.whole.start.isoformat()} 起的数据",
            f"the breach is very long: data begin at {span.whole.start.isoformat()}",
        )


def of_readings(observations: pl.DataFrame, span: Span) -> Iterator[Gap]:
    phases = {span.phase(ts) for ts in observations["ts"]}
    names = {"before": ("超限前", "before"), "during": ("超限期间", "during")}
    for phase, (zh, en) in names.items():
        if phase not in phases:
            yield Gap("readings.csv", f"{zh}没有读数", f"no readings {en} the breach")


def of_messages(
    raw: RawArchive | None,
    messages: Sequence[RawMessage],
    observations: pl.DataFrame,
    revisions: pl.DataFrame,
    span: Span,
) -> Iterator[Gap]:
    now = observations.select("sensor", "ts").unique()
    earlier = revisions.select("sensor", "ts", "replaced").unique().select("sensor", "ts")
    readings = list(pl.concat([now, earlier]).iter_rows())
    missing = without_message(readings, messages).total()
    if not missing:
        return
    why_zh, why_en = "", ""
    if raw is None:
        why_zh, why_en = "（本系统未启用原始报文存档）", " (no archive of messages is kept)"
    else:
        oldest = raw.oldest()
        if oldest is None or oldest > span.whole.start:
            since = "–" if oldest is None else oldest.isoformat()
            why_zh, why_en = f"（存档始于 {since}）", f" (the archive begins at {since})"
    yield Gap(
        "raw/",
        f"{len(readings)} 条读数中有 {missing} 条没有原始报文{why_zh}",
        f"{missing} of {len(readings)} readings have no message as received{why_en}",
    )


def of_calibration(sensors: Sequence[Mapping[str, object]]) -> Iterator[Gap]:
    for sensor in sensors:
        if not sensor["calibrations"]:
            yield Gap(
                "calibration.json",
                f"{sensor['id']} 没有校准记录",
                f"no calibration of {sensor['id']} is on record",
            )


def of_weather(weather: Sequence[WeatherStation]) -> Iterator[Gap]:
    if not weather:
        yield Gap("weather.csv", "附近无气象数据", "no weather was measured anywhere near")


def of_windows(found: Alert, judged: Sequence[Judged]) -> Iterator[Gap]:
    if not judged:
        zh, en = "此类规则或数据无法重算时段值", "windows of this rule cannot be made again"
        yield Gap("judged.csv", zh, en)
    if found.sensor is None:
        yield Gap("chart.svg", "本告警涉及多个站点，无单一过程线", "many stations: no chart of one")
