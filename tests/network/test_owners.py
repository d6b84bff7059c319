"""Government's stations and enterprises' own: kept apart in every area, and held side by side."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from network import compare_owners
from network.rollup import COMPARISON, areas_of, of_enterprise
from registry.seed import demo_city
from schemas import Period
from schemas.observation import AGGREGATES

T0 = datetime(2026, 11, 24, 4, tzinfo=UTC)
STATIONS = demo_city()[2]
# The Maozhou: two river sections, and the outfalls of a plating works and of a treatment works.
SECTIONS = ("st-river-gonghe", "st-river-loucun")
OUTFALLS = ("st-outfall-songgang-plating", "st-outfall-maozhou-wwtp")


def measured(
    values: dict[str, float | None],
    key: str = "nh3n",
    method: str = "mean",
    period: Period = Period.HOUR,
) -> pl.DataFrame:
    """Rows of stations; None = an invalid one."""
    rows = [
        (
            *("station", name, key, period, T0, *[9.9 if value is None else value] * 3, 1, 1, 1.0),
            *(value is not None, "" if value is not None else "incomplete", method, "HJ663-2026"),
        )
        for name, value in values.items()
    ]
    return pl.DataFrame(rows, schema=AGGREGATES, orient="row")


def only(frame: pl.DataFrame) -> dict:
    assert dict(frame.schema) == COMPARISON
    return frame.row(0, named=True)


def test_no_station_of_an_enterprise_lies_in_any_area() -> None:
    own = {station.id for station in STATIONS if of_enterprise(station)}
    assert {"st-noise-yuehai", *OUTFALLS} <= own
    assert own.isdisjoint(areas_of(STATIONS)["member"])


def test_outfalls_stand_beside_their_river() -> None:
    rows = measured(dict(zip((*SECTIONS, *OUTFALLS), (1.0, 2.0, 6.0, 9.0), strict=True)))
    row = only(compare_owners(rows, STATIONS))
    assert (row["level"], row["subject"], row["parameter"]) == ("basin", "maozhou", "nh3n")
    assert (row["government"], row["government_stations"]) == (1.5, 2)
    assert (row["enterprise"], row["enterprise_stations"]) == (7.5, 2)
    assert (row["difference"], row["ratio"]) == (6.0, 5.0)


def test_a_side_that_is_not_valid_is_shown_without_a_value() -> None:
    values = {SECTIONS[0]: None, SECTIONS[1]: None, OUTFALLS[0]: 6.0, OUTFALLS[1]: 9.0}
    row = only(compare_owners(measured(values), STATIONS))
    assert (row["government"], row["government_stations"]) == (None, 0)
    assert (row["enterprise"], row["difference"], row["ratio"]) == (7.5, None, None)


def test_an_area_that_only_one_of_them_measures_is_not_compared() -> None:
    assert compare_owners(measured(dict.fromkeys(SECTIONS, 1.0)), STATIONS).is_empty()
    assert compare_owners(measured(dict.fromkeys(OUTFALLS, 1.0)), STATIONS).is_empty()
    assert compare_owners(measured({}), STATIONS).is_empty()
    apart = measured({"st-river-xili": 1.0, OUTFALLS[0]: 6.0})  # another basin
    assert compare_owners(apart, STATIONS).is_empty()


def test_sound_has_a_difference_in_db_and_no_ratio() -> None:
    values: dict[str, float | None] = {"st-noise-yuehai": 72.0, "st-noise-xili": 55.0}
    rows = measured(values, "laeq", "energy", Period.MONTH_NIGHT)
    row = only(compare_owners(rows, STATIONS))
    assert (row["level"], row["subject"]) == ("district", "nanshan")
    assert row["period"] == "month_night"
    assert (row["difference"], row["ratio"]) == (pytest.approx(17.0), None)


def test_directions_differ_by_the_shorter_way_round() -> None:
    values: dict[str, float | None] = {"st-noise-yuehai": 10.0, "st-noise-xili": 350.0}
    row = only(compare_owners(measured(values, "wind_direction", "vector"), STATIONS))
    assert (row["difference"], row["ratio"]) == (pytest.approx(20.0), None)


def test_nothing_divides_by_a_zero_or_a_frost() -> None:
    for government in (0.0, -4.0):
        values = {**dict.fromkeys(SECTIONS, government), **dict.fromkeys(OUTFALLS, 2.0)}
        row = only(compare_owners(measured(values), STATIONS))
        assert (row["difference"], row["ratio"]) == (2.0 - government, None)
