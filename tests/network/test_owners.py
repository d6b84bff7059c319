"""Government's stations and enterprises' own: kept apart in every area, and held side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from network import compare_owners
from network.rollup import COMPARISON, areas_of, of_enterprise
from network.views import OwnersPair, OwnersView, owners_view
from registry import Registry
from registry.seed import demo_city
from schemas import Interval, Period
from schemas.observation import AGGREGATES
from storage import Store
from tests.network.test_views import NOW

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


# The view: hour by hour over a week


def a_week(station: str, values: list[float | None], key: str = "nh3n") -> pl.DataFrame:
    """Hourly rows of a station that end with the week; None = an invalid hour."""
    end = Interval.hour(NOW).start
    return pl.concat(
        measured({station: value}, key).with_columns(
            start=pl.lit(end - timedelta(hours=len(values) - n)).cast(AGGREGATES["start"])
        )
        for n, value in enumerate(values)
    )


@pytest.fixture
def store(open_store_at: Callable[[str], Store]) -> Store:
    return open_store_at("owners")


def pair_of(store: Store, registry: Registry) -> tuple[OwnersView, OwnersPair]:
    view = owners_view(store=store, registry=registry, now=NOW)
    (pair,) = [p for p in view.pairs if p.parameter == "nh3n" and p.subject == "maozhou"]
    return view, pair


def test_both_owners_stand_side_by_side_in_the_smallest_area(
    store: Store, registry: Registry
) -> None:
    river = [1.0 + n % 5 for n in range(168)]
    for section in SECTIONS:
        store.write_aggregates(a_week(section, [*river]))
    for outfall in OUTFALLS:
        store.write_aggregates(a_week(outfall, [2 * value + 3 for value in river]))
    view, pair = pair_of(store, registry)
    assert view.window.length == timedelta(days=7)
    assert (pair.level, pair.government, pair.enterprise) == ("basin", SECTIONS, OUTFALLS[::-1])
    assert (pair.hours, pair.expected, pair.valid, pair.reason) == (168, 168, True, "")
    assert pair.correlation == 1
    assert pair.difference is not None
    assert float(pair.difference) == pytest.approx(sum(v + 3 for v in river) / 168, abs=0.01)


@pytest.mark.parametrize(
    ("hours", "valid", "reason"),
    [(126, True, ""), (125, False, "incomplete"), (0, False, "no_data")],
)
def test_three_quarters_of_the_week_are_needed_in_both(
    store: Store, registry: Registry, hours: int, valid: bool, reason: str
) -> None:
    for section in SECTIONS:
        store.write_aggregates(a_week(section, [1.0] * 168))
    effluent: list[float | None] = [None] * (168 - hours) + [9.0] * hours
    for outfall in OUTFALLS:
        store.write_aggregates(a_week(outfall, effluent))
    _, pair = pair_of(store, registry)
    assert (pair.hours, pair.valid, pair.reason) == (hours, valid, reason)
    assert pair.correlation is None, "nothing moves, so nothing moves together"


def test_an_hourly_mean_that_never_changes_is_looked_into(store: Store, registry: Registry) -> None:
    steady = [5.0 + 0.1 * n for n in range(20)] + [7.77] * 12
    moving: list[float | None] = [5.0 + 0.1 * n for n in range(32)]
    with_a_gap: list[float | None] = [7.77] * 8 + [None] + [7.77] * 11
    store.write_aggregates(a_week(OUTFALLS[0], [*steady]))
    store.write_aggregates(a_week(OUTFALLS[1], moving))
    store.write_aggregates(a_week("st-outfall-pinghu-dyeing", with_a_gap))
    store.write_aggregates(a_week("st-outfall-kengzi-chem", [7.77] * 11))
    view = owners_view(store=store, registry=registry, now=NOW)
    found = {c.station: (c.hours, c.unchanged, c.suspicious) for c in view.constancy}
    assert found == {
        OUTFALLS[0]: (32, 12, True),
        OUTFALLS[1]: (32, 1, False),
        "st-outfall-pinghu-dyeing": (19, 11, False),
        "st-outfall-kengzi-chem": (11, 11, None),
    }
    assert all(c.expected == 168 for c in view.constancy)


def test_without_data_there_is_nothing_to_compare(store: Store, registry: Registry) -> None:
    view = owners_view(store=store, registry=registry, now=NOW)
    assert (view.pairs, view.constancy) == ((), ())
