"""The pictures of a bulletin: from its figures to shapes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from drawing import paint
from drawing.columns import Amount, Columns, columns
from drawing.heat_map import HeatMap, heat_map
from drawing.words import Translator
from network.assessments import AirAssessment, city_date, day_item
from network.views import AirDays, AirSpan, CalendarDay, calendar_day
from network.views.water import ClassCount
from standards import edition
from standards.aqi import category

SHOWN = ("pm25", "o3")  # the two that the plan wants reduced together
NEUTRAL = "#8fa3ad"  # of a value that the edition gives no index
MONTHS = 62  # days; of more only the first of each month is written


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole. name: class of the style sheet; colour: of a standard's table."""

    name: str
    count: int
    colour: str | None = None


def calendar(air: AirSpan) -> HeatMap[CalendarDay]:
    return heat_map([calendar_day("aqi", day) for day in air.days])


def category_shares(days: AirDays) -> list[Share]:
    parts = [Share("", count, paint(found.rgb)) for found, count in days.counts]
    return [*parts, Share("unknown", days.bounds + days.without)]


def class_shares(counts: Sequence[ClassCount], without: int) -> list[Share]:
    parts = [Share(f"class-{each.water_class}", each.sections) for each in counts]
    return [*parts, Share("unknown", without)]


def pollutant_days(air: AirSpan, parameter: str, t: Translator) -> Columns:
    """Daily values of a pollutant, coloured by their index, under the daily limit of their date."""
    pollutant = next(each for each in air.pollutants if each.parameter == parameter)
    amounts = [_amount(day, day_item(parameter), t) for day in air.days]
    dates = [city_date(day.start) for day in air.days]
    begins = [dates.index(first) for first, _ in pollutant.limits]
    limits = [
        (start, end, float(limit.value))
        for start, end, (_, limit) in zip(
            begins, [*begins[1:], len(dates)], pollutant.limits, strict=True
        )
    ]
    return columns(amounts, limits=limits, marks=_marks(dates))


def _amount(day: AirAssessment, item: str, t: Translator) -> Amount:
    on, value = city_date(day.start), day.means.get(item)
    if value is None:
        return Amount(None, f"{on} {t('reason_no_data')}")
    index, standard = day.items.get(item), edition("aqi", named=day.edition)
    colour = NEUTRAL if index is None else paint(category(index, standard).rgb)
    return Amount(float(value), f"{on} {value:f}", colour)


def _marks(days: Sequence[date]) -> dict[int, str]:
    """Dates under a chart: of a month its 1st, 5th, 10th …; of a year the first of each month."""
    if len(days) > MONTHS:
        return {at: f"{day:%m-%d}" for at, day in enumerate(days) if day.day == 1}
    return {at: f"{day.day}" for at, day in enumerate(days) if day.day == 1 or day.day % 5 == 0}
