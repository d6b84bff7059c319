"""Determinands and uses of land agree with the standards that judge them."""

from __future__ import annotations

import pytest

from schemas import catalogue
from schemas.determinands import determinand_named, determinands
from schemas.land_use import land_uses
from standards import editions

FAMILIES = (
    *("soil_farmland", "soil_construction", "groundwater", "drinking_water"),
    *("surface_water", "sea_water"),
)
TABLES = [one for one in editions().values() if one.family in FAMILIES]
SOIL = ("soil_farmland", "soil_construction")


@pytest.mark.parametrize("standard", TABLES, ids=lambda one: one.id)
def test_every_item_that_samples_are_judged_by_is_a_determinand_in_the_same_unit(standard) -> None:
    items = {**standard.tables.get("items", {}), **standard.tables.get("screening", {})}
    items |= standard.tables.get("separate", {})
    assert items
    for key, item in items.items():
        soil = standard.family in SOIL
        unit = "mg/kg" if soil else item.get("unit", "mg/L")
        assert determinands()[key].unit_in(soil=soil) == unit, key


def test_what_sensors_measure_too_has_the_same_unit() -> None:
    shared = determinands().keys() & {str(parameter.key) for parameter in catalogue()}
    assert {"codmn", "nh3n", "tp", "tn", "ph", "turbidity"} <= shared
    for key in shared - {"co"}:  # carbon monoxide in air, cobalt in soil
        assert determinands()[key].unit_in(soil=False) == catalogue()[key].unit


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("cd", "cd"),
        ("镉", "cd"),
        ("Cadmium", "cd"),
        ("CADMIUM", "cd"),
        ("Chromium(VI)", "cr6"),
        ("铬（六价）", "cr6"),
        ("石油烃(C10-C40)", "petroleum_c10_c40"),
        ("1,2-Dichloroethane", "dichloroethane_1_2"),
        ("  benzo[a]pyrene ", "benzo_a_pyrene"),
    ],
)
def test_laboratories_names_are_understood(text: str, key: str) -> None:
    found = determinand_named(text)
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize("text", ["", "Cadmuim", "chromium iv", "total metals"])
def test_a_name_that_is_none_is_not_guessed(text: str) -> None:
    assert determinand_named(text) is None


def test_every_use_of_land_is_one_of_its_standard() -> None:
    for use in land_uses().values():
        held = [one for one in TABLES if one.family == use.family]
        assert held
        assert all(use.land in one.tables["lands"] for one in held), use.key
        assert len(use.key) <= 16, "the registry keeps 16 characters of a zone"
