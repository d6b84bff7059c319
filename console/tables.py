"""The tables of the views for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drawing import city_time, item_name, item_names, words
from drawing.cells import as_csv
from drawing.words import Translator
from network.views import CalendarView, Facility, Ranking
from network.views.calendar import INDEX
from network.views.water import WaterView
from schemas.registry import Enterprise, Place, Station
from standards.aqi import Category


def ranking_csv(table: Ranking, places: Mapping[str, Place], language: str) -> str:
    """Districts and subdistricts below each other; a bound or a gap is named in `note`."""
    t = words("console").translator(language)
    names = ("level", "district", "rank", "date", "aqi", "aqi_change", "pm25_day", "pm25_change")
    more = ("month", "pm25_month", "on_month", "on_year", "date_noise", "rate_day", "rate_night")
    rows = []
    for level, lines in (("district", table.districts), ("subdistrict", table.subdistricts)):
        for line in lines:
            month = line.month
            note = "" if line.air.valid else t(f"reason_{line.air.reason}")
            if line.air.aqi is not None and line.air.missing:
                note += f": {item_names(line.air.missing, language)}"
            rows.append(
                (
                    t(level),
                    places[line.place].name(language),
                    line.rank,
                    table.air_on.isoformat(),
                    line.air.aqi if line.air.valid else None,
                    line.aqi_change,
                    line.pm25,
                    line.pm25_change,
                    month.month.strftime("%Y-%m") if month else "",
                    month.mean if month else None,
                    month.on_month if month else None,
                    month.on_year if month else None,
                    table.noise_on.isoformat(),
                    line.noise_day.rate,
                    line.noise_night.rate,
                    note,
                )
            )
    return as_csv([t(f"column_{name}") for name in (*names, *more, "note")], rows)


def waters_csv(
    water: WaterView,
    stations: Mapping[str, Station],
    places: Mapping[str, Place],
    language: str,
) -> str:
    """Every river section and sea station with its class; a class that may be too good is named."""
    t = words("console").translator(language)
    at_sea = [section for bay in water.bays for section in bay.stations]
    rows = []
    for section in (*water.rivers, *at_sea):
        station = stations[section.station]
        where = places.get(station.basin or station.bay or "")
        note = t(f"reason_{section.reason}") if section.reason else ""
        if section.missing:
            note += f": {item_names(section.missing, language)}"
        rows.append(
            (
                section.day.isoformat(),
                where.name(language) if where else "",
                station.id,
                station.name(language),
                t(f"class_{section.water_class or 'none'}"),
                item_names(section.deciding, language),
                t(f"class_{section.target}") if section.target else "",
                _said(section.meets_target, t),
                item_names(section.items, language),
                section.edition,
                note,
            )
        )
    names = ("day", "waters", "station_id", "station", "class", "deciding", "target", "on_target")
    head = [t(f"column_{name}") for name in (*names, "items", "edition", "note")]
    return as_csv(head, rows)


def calendar_csv(view: CalendarView, language: str) -> str:
    """Day by day: the value, or a bound of it, which `note` then says."""
    t = words("console").translator(language)
    rows = [
        (
            day.day.isoformat(),
            day.value,
            day.index,
            _category(day.category, language),
            _said(day.valid, t),
            t(f"reason_{day.reason}") if day.reason else "",
        )
        for day in view.days
    ]
    value = "AQI" if view.parameter == INDEX else item_name(view.parameter, language)
    more = [t(f"column_{name}") for name in ("index", "category", "valid", "note")]
    return as_csv([t("column_day"), value, *more], rows)


def facilities_csv(
    lines: Iterable[Facility],
    places: Mapping[str, Place],
    enterprises: Mapping[str, Enterprise],
    language: str,
) -> str:
    """Facilities with their hours above the limit and their alerts."""
    t = words("console").translator(language)
    rows = []
    for one in lines:
        owner = enterprises.get(one.station.enterprise or "")
        rows.append(
            (
                one.station.id,
                one.station.name(language),
                places[one.station.district].name(language),
                owner.name(language) if owner else "",
                one.credit.score,
                one.credit.grade.key if one.credit.grade else "",
                one.day.hours,
                one.day.over,
                one.night.hours,
                one.night.over,
                max(one.day.worst, one.night.worst),
                sum(one.alerts.values()),
                one.open_alerts,
                city_time(one.last_alert, "%Y-%m-%d %H:%M"),
                one.edition,
            )
        )
    names = ("station_id", "station", "district", "enterprise", "credit", "credit_grade")
    hours = ("hours_day", "over_day", "hours_night", "over_night")
    more = (*hours, "worst", "alerts", "open_alerts", "last_alert", "edition")
    return as_csv([t(f"column_{name}") for name in (*names, *more)], rows)


def _category(category: Category | None, language: str) -> str:
    return "" if category is None else category.zh if language == "zh" else category.en


def _said(whether: bool | None, t: Translator) -> str:
    return "" if whether is None else t("said_yes" if whether else "said_no")
