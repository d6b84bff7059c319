"""What evaluators share: rounding, editions by date, cells, tables whose bad rows stop nobody."""

from __future__ import annotations

import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.assess import assess_csv
from standards.editions import Edition, UnknownEdition, edition, editions
from standards.rounding import exact, plain, revise, round_up
from standards.rows import Assessor, BadCell, Measured, chosen, measured, names

numbers = st.decimals(-1_000_000, 1_000_000, allow_nan=False, places=4)


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        ("12.5", 0, "12"),
        ("13.5", 0, "14"),
        ("12.51", 0, "13"),
        ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"),
        (2.675, 2, "2.68"),  # 2.67499… in binary
        ("-2.5", 0, "-2"),
    ],
)
def test_a_five_goes_to_the_even_neighbour(value: str | float, places: int, expected: str) -> None:
    assert revise(value, places) == Decimal(expected)


@given(numbers, st.integers(0, 3))
def test_rounding_moves_by_half_a_place_at_most_and_once_is_enough(
    value: Decimal, places: int
) -> None:
    rounded = revise(value, places)
    assert abs(rounded - value) <= Decimal("0.5").scaleb(-places)
    assert revise(rounded, places) == rounded


@given(numbers)
def test_rounding_up_never_goes_down(value: Decimal) -> None:
    assert value <= round_up(value) < value + 1


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1,5", "1e999999", "1e-999999"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        exact(text)


def test_numbers_are_written_as_people_write_them() -> None:
    assert [plain(Decimal(text)) for text in ("1E+3", "-0.0", "0.00005")] == [
        "1000",
        "0.0",
        "0.00005",
    ]


def test_every_edition_says_where_its_numbers_come_from() -> None:
    for one in editions().values():
        assert one.source, one.id
        assert one.verified, one.id
        assert set(one.title) == {"zh", "en"}, one.id
        assert one.tables, one.id


def test_an_observation_is_judged_by_the_edition_of_its_date() -> None:
    change = date(2026, 3, 1)
    assert edition("aqi", on=change).id == "HJ633-2026"
    assert edition("aqi", on=change - timedelta(days=1)).id == "HJ633-2012"
    assert edition("noise_construction", on=date(2025, 12, 31)).id == "GB12523-2011"
    assert edition("noise_construction", on=date(2026, 1, 1)).id == "GB12523-2025"


def test_a_named_edition_wins_and_a_deployment_may_fix_one(monkeypatch: pytest.MonkeyPatch) -> None:
    today = date(2026, 11, 24)
    assert edition("aqi", on=today, named="HJ633-2012").id == "HJ633-2012"
    monkeypatch.setenv("ONENET_EDITIONS", "aqi=HJ633-2012, ambient_air=GB3095-2012")
    assert edition("aqi", on=today).id == "HJ633-2012"
    assert edition("aqi", on=today, named="HJ633-2026").id == "HJ633-2026"


def test_an_unknown_edition_names_those_that_there_are() -> None:
    with pytest.raises(UnknownEdition, match="HJ633-2012, HJ633-2026"):
        edition("aqi", named="HJ633-1999")
    with pytest.raises(UnknownEdition, match="GB3096-2008"):
        edition("aqi", named="GB3096-2008") and edition("noise_quality", named="x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.15", Measured(Decimal("0.15"))),
        (" 7 ", Measured(Decimal(7))),
        ("<0.05", Measured(Decimal("0.05"), below=True)),
        ("ND(0.05)", Measured(Decimal("0.05"), below=True)),
        ("0.05L", Measured(Decimal("0.05"), below=True)),
        ("", None),
        ("/", None),
    ],
)
def test_cells_are_read_as_laboratories_write_them(text: str, expected: Measured | None) -> None:
    assert measured({"nh3n": text}, "nh3n") == expected
    assert measured({}, "nh3n") is None


@pytest.mark.parametrize("text", ["ND", "-1", "0,5", "1e999999", "<", "NaN"])
def test_a_cell_that_is_no_measurement_names_field_value_rule_and_remedy(text: str) -> None:
    with pytest.raises(BadCell, match=r"nh3n = .*: .*; .*"):
        measured({"nh3n": text}, "nh3n")


def test_a_word_must_be_one_of_the_known() -> None:
    assert chosen({"zone": "4a"}, "zone", ["4a", "4b"]) == "4a"
    with pytest.raises(BadCell, match="one of 4a, 4b"):
        chosen({"zone": "5"}, "zone", ["4a", "4b"])
    assert names(["tp", "do"]) == "do;tp"


def _double(row: dict[str, str], _edition: Edition) -> dict[str, str]:
    found = measured(row, "x")
    return {} if found is None else {"twice": plain(found.value * 2)}


def run(text: str, **options: object) -> tuple[tuple[int, int], str]:
    target = io.StringIO()
    assessor = Assessor("aqi", ("twice",), _double)  # type: ignore[arg-type]
    wanted = {"named": None, "on": date(2026, 11, 24), **options}
    counts = assess_csv(io.StringIO(text), target, assessor, **wanted)  # type: ignore[arg-type]
    return counts, target.getvalue()


def test_columns_come_back_in_order_and_a_bad_row_stops_nobody() -> None:
    counts, text = run('x,note\n1.50,"a, b"\nmany,\n,"=1+1"\n2,c\n')
    assert counts == (4, 1)
    lines = text.splitlines()
    assert lines[0] == "x,note,twice,error"
    assert lines[1] == '1.50,"a, b",3.00,'
    assert lines[2].startswith("many,,,")
    assert "x = 'many'" in lines[2]
    assert lines[3:] == [",=1+1,,", "2,c,4,"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("x,x\n1,2\n", "'x' stands twice"),
        ("x,twice\n1,2\n", "'twice' is a result"),
    ],
)
def test_a_table_that_is_no_table_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        run(text)


def test_a_wrong_date_is_the_rows_error_and_an_unknown_edition_the_tables() -> None:
    assert "date = '1 March'" in run("x,date\n1,1 March\n")[1]
    with pytest.raises(UnknownEdition):
        run("x\n1\n", named="HJ633-1999")
