"""The air quality index of both editions: the standard's examples, its edges, and its laws."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.aqi import AQI, aqi, category, iaqi, items, reported
from standards.assess import assess_csv, assess_rows
from standards.editions import edition

VECTORS = Path(__file__).parent / "vectors"
OLD = edition("aqi", named="HJ633-2012")
NEW = edition("aqi", named="HJ633-2026")
BOTH = pytest.mark.parametrize("by", [OLD, NEW], ids=lambda e: e.id)
CONCENTRATIONS = st.decimals(0, 5000, places=3)


def cases():
    for by in (OLD, NEW):
        year = by.id.removeprefix("HJ633-")
        with (VECTORS / f"aqi-{year}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield pytest.param(by, row, id=f"{year}-{row['id']}")


@pytest.mark.parametrize(("by", "row"), list(cases()))
def test_the_worked_examples_come_out_digit_for_digit(by, row):
    given_cells = {k: v for k, v in row.items() if not k.startswith("expected_")}
    [result] = assess_rows([given_cells], AQI, named=by.id, on=date(2026, 11, 1))
    expected = {k.removeprefix("expected_"): v for k, v in row.items() if k.startswith("expected_")}
    assert result == {**given_cells, **expected, "error": ""}


@pytest.mark.parametrize(
    ("item", "concentration", "old", "new"),
    [
        ("pm25", "35", 50, 50),
        ("pm25", "60", 82, 100),
        ("pm25", "75", 100, 114),
        ("pm10", "120", 85, 100),
        ("pm10", "150", 100, 112),
        ("pm25", "60.11", 82, 101),
        ("co", "0.1", 3, 3),
        ("so2", "0", 0, 0),
        ("no2", "565", 300, 300),
        ("no2", "940.1", 500, 500),
        ("co", "61", 500, 500),
        ("pm25", "10000", 500, 500),
        ("o3_8h_max", "800", 300, 300),
        ("o3_8h_max", "800.1", None, 300),
    ],
)
def test_iaqi_of_days_in_both_editions(item, concentration, old, new):
    assert iaqi(item, concentration, OLD) == old
    assert iaqi(item, concentration, NEW) == new


def test_hourly_sulphur_dioxide_above_800_has_no_index_in_2012_and_200_in_2026():
    assert iaqi("so2_1h", 800, OLD, "hourly") == iaqi("so2_1h", 800, NEW, "hourly") == 200
    assert iaqi("so2_1h", 801, OLD, "hourly") is None
    assert iaqi("so2_1h", 801, NEW, "hourly") == 200


def test_particulates_of_an_hour_are_running_means_in_2012_and_hourly_ones_in_2026():
    values = {"pm25_1h": 60, "pm25_24h": 35, "no2_1h": 10}
    assert dict(aqi(values, OLD, "hourly").items) == {"no2_1h": 5, "pm25_24h": 50}
    assert dict(aqi(values, NEW, "hourly").items) == {"no2_1h": 5, "pm25_1h": 100}


@BOTH
def test_nothing_measured_is_no_index_and_not_a_clean_day(by):
    nothing = aqi(dict.fromkeys(items(by)), by)
    assert (nothing.aqi, nothing.category, nothing.level, nothing.rgb) == (None,) * 4
    assert nothing.primary == nothing.exceeding == ()
    assert aqi({"so2": 0}, by).aqi == 0


def test_only_an_unusable_ozone_mean_leaves_2012_without_an_index():
    assert aqi({"o3_8h_max": 900}, OLD).aqi is None
    assert aqi({"o3_8h_max": 900, "o3_1h_max": 1000}, OLD).aqi == 400
    assert aqi({"o3_8h_max": 900, "o3_1h_max": 1000}, NEW).aqi == 300


def test_items_that_share_the_largest_index_are_all_primary():
    index = aqi({"pm25": 60, "pm10": 120, "co": 4, "no2": 40}, NEW)
    assert index.primary == ("co", "pm10", "pm25")
    assert index.exceeding == ()


def test_there_is_no_primary_pollutant_up_to_50_and_none_exceeds_up_to_100():
    assert aqi({"pm25": 35}, NEW).primary == ()
    assert aqi({"pm25": Decimal("35.1")}, NEW).primary == ("pm25",)
    assert aqi({"pm25": Decimal("60.1"), "no2": 200}, NEW).exceeding == ("no2", "pm25")


@pytest.mark.parametrize(
    ("index", "level", "zh", "rgb"),
    [
        (0, "一级", "优", (0, 228, 0)),
        (50, "一级", "优", (0, 228, 0)),
        (51, "二级", "良", (255, 255, 0)),
        (150, "三级", "轻度污染", (255, 126, 0)),
        (200, "四级", "中度污染", (255, 0, 0)),
        (300, "五级", "重度污染", (153, 0, 76)),
        (301, "六级", "严重污染", (126, 0, 35)),
    ],
)
def test_categories_carry_names_and_colours(index, level, zh, rgb):
    found = category(index, NEW)
    assert (found.level, found.zh, found.rgb) == (level, zh, rgb)


def test_a_mean_is_revised_as_the_edition_says_before_it_is_reported():
    assert reported("pm25", "60.5", NEW) == 60
    assert reported("pm25", "61.5", NEW) == 62
    assert reported("co", "0.25", NEW) == Decimal("0.2")
    assert reported("pm25", "60.5", OLD) == Decimal("60.5")


def test_a_name_that_no_edition_knows_is_an_error_and_not_a_missing_item():
    with pytest.raises(ValueError, match=r"no daily item 'pm2\.5'; it has: so2"):
        aqi({"pm2.5": 400, "so2": 10}, NEW)


@pytest.mark.parametrize("wrong", [-1, "NaN", "Infinity", "x"])
def test_what_is_no_concentration_is_refused(wrong):
    with pytest.raises(ValueError):  # noqa: PT011 - texts differ
        iaqi("pm25", wrong, NEW)


@given(st.data(), st.sampled_from([OLD, NEW]), st.sampled_from(["daily", "hourly"]))
def test_more_of_a_pollutant_never_makes_the_index_smaller(data, by, scale):
    item = data.draw(st.sampled_from(items(by, scale)))
    less, more = sorted([data.draw(CONCENTRATIONS), data.draw(CONCENTRATIONS)])
    low, high = iaqi(item, less, by, scale), iaqi(item, more, by, scale)
    assert high is None or (low is not None and low <= high)


@pytest.mark.parametrize("scale", ["daily", "hourly"])
@BOTH
def test_the_index_is_continuous_and_exact_at_every_breakpoint(by, scale):
    for item, rule in by.tables["scales"][scale]["items"].items():
        for point, index in zip(rule["breakpoints"], by.tables["iaqi"], strict=False):
            assert iaqi(item, point, by, scale) == index
            if point:
                assert iaqi(item, point - Decimal("1e-40"), by, scale) == index
            if point != rule["breakpoints"][-1]:
                assert iaqi(item, point + Decimal("1e-9"), by, scale) == index + 1


@given(
    st.dictionaries(st.sampled_from(items(OLD)), st.none() | CONCENTRATIONS),
    st.randoms(),
    st.sampled_from([OLD, NEW]),
)
def test_the_order_of_pollutants_does_not_matter(values, rng, by):
    shuffled = list(values.items())
    rng.shuffle(shuffled)
    assert aqi(dict(shuffled), by) == aqi(values, by)


@given(
    st.dictionaries(st.sampled_from(items(NEW)), CONCENTRATIONS),
    st.sampled_from(items(NEW)),
    CONCENTRATIONS,
)
def test_one_pollutant_more_never_makes_the_index_smaller(values, item, concentration):
    rest = {name: value for name, value in values.items() if name != item}
    alone = aqi(rest, NEW).aqi
    assert (aqi({**rest, item: concentration}, NEW).aqi or 0) >= (alone or 0)


def assessed(text: str, named: str | None = "HJ633-2026") -> list[str]:
    target = StringIO()
    assess_csv(StringIO(text), target, AQI, named=named, on=date(2026, 11, 1))
    return target.getvalue().splitlines()


def test_each_row_is_judged_by_the_edition_of_its_date():
    assert assessed("date,pm25\n2026-02-28,75\n2026-03-01,75\n", named=None) == [
        "date,pm25,aqi,level,primary,error",
        "2026-02-28,75,100,二级,pm25,",
        "2026-03-01,75,114,三级,pm25,",
    ]


def test_hourly_rows_name_their_scale():
    assert assessed("scale,pm25_1h,so2_1h\nhourly,75,900\n")[1] == "hourly,75,900,200,四级,so2_1h,"
    assert "add a column `scale` with `hourly`" in assessed("pm25_1h\n75\n")[1]
    assert "one of daily, hourly" in assessed("scale,pm25\nyearly,75\n")[1]


def test_a_bad_cell_is_an_error_of_its_row_alone():
    _, bad, good = assessed("pm25\nforty\n40\n")
    assert bad.startswith("forty,,,,\"pm25 = 'forty': a number")
    assert good == "40,60,二级,pm25,"


def test_an_undetected_value_enters_with_half_its_limit():
    assert assessed("so2,co\n<4,0.3L\n")[1] == "<4,0.3L,4,一级,,"


def test_an_empty_row_is_empty_without_an_error():
    assert assessed("so2,pm25\n,--\n")[1] == ",--,,,,"
