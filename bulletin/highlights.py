"""The few sentences that stand on top of a bulletin: what somebody reads who reads nothing else.

Each is said only when its number is there; what is missing or not valid is said as such.
"""

from __future__ import annotations

from collections.abc import Iterator

from bulletin.contents import Bulletin
from drawing import item_names
from drawing.words import Translator
from network.assessments import Attainment, city_date

NAMED = 4  # places named in a sentence; more are counted


def highlights(bulletin: Bulletin, t: Translator, language: str) -> list[str]:
    """The sentences, in the order of the bulletin."""
    return [
        *_air(bulletin, t, language),
        *_noise(bulletin, t),
        *_water(bulletin, t, language),
        *_alerts(bulletin, t),
        *_data(bulletin, t, language),
    ]


def _air(bulletin: Bulletin, t: Translator, language: str) -> Iterator[str]:
    air, days = bulletin.air, bulletin.air.by_day
    if days.good_rate is None:
        yield t("say_no_air")
        return
    said = t("say_good_days", good=days.good, judged=days.judged, rate=days.good_rate)
    pm25 = next(each for each in air.pollutants if each.parameter == "pm25")
    if pm25.valid:
        said += t("say_pm25", value=pm25.value)
        if pm25.on_year is not None:
            said += t("say_on_year", change=f"{pm25.on_year:+}")
    yield said + (
        t("say_end") if days.valid else t("say_bounded", reason=t(f"reason_{days.reason}"))
    )
    if air.worst is not None and air.worst.valid and (air.worst.aqi or 0) > 100:
        yield t(
            "say_worst",
            day=city_date(air.worst.start).isoformat(),
            aqi=air.worst.aqi,
            primary=item_names(air.worst.primary, language),
        )


def _noise(bulletin: Bulletin, t: Translator) -> Iterator[str]:
    day, night = bulletin.noise.day, bulletin.noise.night
    if day.rate is None and night.rate is None:
        yield t("say_no_noise")
        return
    yield t("say_noise", day=_rate(day), night=_rate(night))


def _water(bulletin: Bulletin, t: Translator, language: str) -> Iterator[str]:
    water = bulletin.water
    if water.sections:
        if water.good.rate is None:
            yield t("say_no_water")
        else:
            yield t(
                "say_water",
                good=water.good.holding,
                judged=water.good.judged,
                on_target=water.on_target.holding,
                with_target=water.on_target.judged,
            )
        missed = [each for each in water.sections if each.water.meets_target is False]
        if missed:
            names = _joined([each.station.name(language) for each in missed], t, language)
            items = dict.fromkeys(item for each in missed for item in each.water.exceeding)
            yield t("say_off_target", names=names, items=item_names(items, language))
    if water.bays and water.sea.good is not None:
        yield t("say_sea", rate=water.sea.good, judged=water.sea.judged)


def _alerts(bulletin: Bulletin, t: Translator) -> Iterator[str]:
    found = bulletin.alerts
    if not found.alerts:
        yield t("say_no_alerts")
        return
    counts = {str(each.severity): each.alerts for each in found.severities}
    still = sum(each.alerts - each.closed for each in found.severities)
    yield t("say_alerts", count=len(found.alerts), still=still, **counts)


def _data(bulletin: Bulletin, t: Translator, language: str) -> Iterator[str]:
    rates = [
        f"{t(f'medium_{each.medium}')} {each.rate}%"
        for each in bulletin.quality.media
        if each.rate is not None
    ]
    if rates:
        yield t("say_data", rates=("、" if language == "zh" else ", ").join(rates))


def _rate(found: Attainment) -> str:
    return "–" if found.rate is None else f"{found.rate}%"


def _joined(names: list[str], t: Translator, language: str) -> str:
    separator = "、" if language == "zh" else ", "
    if len(names) <= NAMED:
        return separator.join(names)
    return separator.join(names[:NAMED]) + t("say_more", count=len(names) - NAMED)
