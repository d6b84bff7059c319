"""Generated Flux is well formed, and nothing that a person typed can become a part of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import BOARDS, City
from dashboards.queries import names_of, raw, text
from schemas import Medium, catalogue
from tests.dashboards.conftest import queries_of

DEMO = City.demo()
OPENING = {")": "(", "]": "[", "}": "{"}
# What Grafana replaces in a query before it is sent.
INTERPOLATED = re.compile(r"\$\w|\$\{|\[\[|[A-Za-z]+\.[A-Za-z]")
HOSTILE = [
    '"',
    "\\",
    '\\"',
    '") |> drop()',
    "${console}",
    "$__all",
    "[[district]]",
    "v.bucket",
    "x.timeRangeStart",
    "a\nb\r\t\0",
    "//",
    "\u2028\u202e\ud7ff",
    "\N{PILE OF POO}",
]


def unescaped(literal: str) -> str:
    """The text that Flux reads from a literal made by `text`."""
    assert literal[0] == literal[-1] == '"'
    body = literal[1:-1].encode("utf-8")
    plain = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), body)
    return plain.decode("utf-8")


def blank_strings(flux: str) -> str:
    """The code of a query: literals emptied, an unclosed one fails."""
    code = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', flux)
    code = re.sub(r"=~ /(?:[^/\\\n]|\\.)*/", "=~ //", code)
    assert code.count('"') % 2 == 0
    return code


def assert_balanced(flux: str) -> None:
    stack: list[str] = []
    for character in blank_strings(flux):
        if character in OPENING.values():
            stack.append(character)
        elif character in OPENING:
            assert stack, flux
            assert stack.pop() == OPENING[character], flux
    assert not stack, flux


@pytest.mark.parametrize("uid", BOARDS)
def test_brackets_and_quotes_are_balanced(uid: str, boards: dict[str, Any]) -> None:
    for _, flux in queries_of(boards[uid]):
        assert_balanced(flux)


@pytest.mark.parametrize("uid", BOARDS)
def test_queries_narrow_time_and_series_first(uid: str, boards: dict[str, Any]) -> None:
    for where, flux in queries_of(boards[uid]):
        steps = [line.strip() for line in flux.splitlines()]
        for at, line in enumerate(steps):
            if "from(bucket:" in line:
                assert steps[at + 1].startswith("|> range("), where
                assert steps[at + 2].startswith("|> filter("), where


def test_sound_is_averaged_as_energy_and_direction_not_at_all(city: City) -> None:
    laeq = raw(catalogue()["laeq"], Medium.NOISE, city.of_medium(Medium.NOISE))
    to_energy, mean, to_level = (laeq.index(w) for w in ("math.pow", "fn: mean", "math.log10"))
    assert to_energy < mean < to_level
    direction = raw(catalogue()["wind_direction"], Medium.AIR, ())
    assert "mean" not in direction
    assert "fn: last" in direction
    assert "fn: sum" in raw(catalogue()["rain"], Medium.AIR, ())


def test_only_usable_readings_are_drawn() -> None:
    flux = raw(catalogue()["pm25"], Medium.AIR, ())
    assert '(r["pm25_f"] % 10 == 1 or r["pm25_f"] % 10 == 2)' in flux


@given(st.text() | st.sampled_from(HOSTILE))
def test_a_literal_says_what_was_typed_and_means_nothing_else(typed: str) -> None:
    literal = text(typed)
    typed = typed.encode("utf-8", "replace").decode("utf-8")  # lone surrogates
    assert unescaped(literal) == typed
    assert blank_strings(literal) == '""'
    assert not INTERPOLATED.search(literal)
    assert literal.isprintable()


@given(st.lists(st.text() | st.sampled_from(HOSTILE), min_size=2, max_size=2))
def test_hostile_station_names_leave_the_query_as_it_is(typed: list[str]) -> None:
    stations = DEMO.of_medium(Medium.SOIL)[:1]
    named = [replace_names(station, *typed) for station in stations]
    plain = [replace_names(station, "甲", "A") for station in stations]
    pm25 = catalogue()["pm25"]
    hostile = raw(pm25, Medium.AIR, named)
    assert_balanced(hostile)
    assert blank_strings(hostile) == blank_strings(raw(pm25, Medium.AIR, plain))


def replace_names(station: Any, zh: str, en: str) -> Any:
    return station.model_copy(update={"zh": zh, "en": en})


def test_stations_of_one_name_stay_two_series(city: City) -> None:
    first, second = (replace_names(s, "甲", "A") for s in city.stations[:2])
    names = names_of([first, second])
    assert f"甲 A ({first.id})" in names
    assert f"甲 A ({second.id})" in names


def test_a_station_without_a_position_is_not_on_the_map(city: City) -> None:
    lost = city.stations[0].model_copy(update={"lon": float("nan")})
    board = BOARDS["onenet-city"](replace(city, stations=(lost, *city.stations[1:])))
    [map_panel] = [panel for panel in board.panels if panel.type_val == "geomap"]
    ground = str(map_panel.targets[0].to_json()["query"])  # type: ignore[index,union-attr]
    assert lost.id not in ground
    assert city.stations[1].id in ground
