"""Averages: right for each kind of quantity, and to the last bit the same in any order."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.averaging import average

METHODS = ["mean", "energy", "vector", "sum"]
levels = st.lists(st.floats(0, 150, allow_nan=False), min_size=1, max_size=60)


def frame(method: str, values: list[float], weights: list[float] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "parameter": ["x"] * len(values),
            "method": [method] * len(values),
            "value": values,
            "weight": weights or [1.0] * len(values),
            "low": values,
            "high": values,
        },
        schema_overrides={"value": pl.Float64, "low": pl.Float64, "high": pl.Float64},
    )


def averaged(method: str, values: list[float], weights: list[float] | None = None) -> float:
    return float(average(frame(method, values, weights), ["parameter"])["value"][0])


@pytest.mark.parametrize(
    ("method", "values", "expected"),
    [
        ("mean", [1.0, 2.0, 6.0], 3.0),
        ("sum", [0.2, 0.4, 0.0], 0.6),
        ("energy", [60.0, 60.0], 60.0),
        ("energy", [60.0, 70.0], 67.404),  # 10 lg((10^6 + 10^7) / 2)
        ("vector", [350.0, 10.0], 0.0),
        ("vector", [80.0, 100.0], 90.0),
    ],
)
def test_each_kind_of_quantity_has_its_own_average(
    method: str, values: list[float], expected: float
) -> None:
    found = averaged(method, values)
    assert min(abs(found - expected), abs(found - 360 - expected)) < 0.001


def test_a_strong_wind_decides_the_direction() -> None:
    assert averaged("vector", [0.0, 90.0], [1.0, 1000.0]) == pytest.approx(89.94, abs=0.01)


@given(st.sampled_from(METHODS), levels, st.integers(0, 1000))
def test_the_order_leaves_no_trace_not_in_the_last_bit(
    method: str, values: list[float], seed: int
) -> None:
    shuffled = values[:]
    random.Random(seed).shuffle(shuffled)
    assert averaged(method, shuffled) == averaged(method, values)


@given(st.sampled_from(METHODS), levels)
def test_a_group_has_the_same_average_alone_and_among_others(
    method: str, values: list[float]
) -> None:
    among = pl.concat(
        [frame(method, values).with_columns(parameter=pl.lit(str(n))) for n in range(8)]
    )
    found = average(among, ["parameter"])["value"].to_list()
    assert found == [averaged(method, values)] * 8


@given(levels)
def test_an_energy_mean_lies_between_the_arithmetic_mean_and_the_loudest(
    values: list[float],
) -> None:
    found = averaged("energy", values)
    assert found >= math.fsum(values) / len(values) - 1e-6
    assert found <= max(values) + 1e-6


def test_of_many_groups_each_gets_its_own() -> None:
    rng = random.Random(7)
    rows = [(str(n % 500), rng.uniform(20, 120)) for n in range(20_000)]
    both = pl.DataFrame(rows, schema=["parameter", "value"], orient="row").with_columns(
        method=pl.when(pl.col("parameter").str.ends_with("1"))
        .then(pl.lit("energy"))
        .otherwise(pl.lit("mean")),
        weight=1.0,
        low=pl.col("value"),
        high=pl.col("value"),
    )
    whole = average(both, ["parameter"]).sort("parameter")
    shuffled = average(both.sample(fraction=1, shuffle=True, seed=1), ["parameter"])
    assert whole.equals(shuffled.sort("parameter"))
    assert whole["count"].sum() == len(rows)
    assert average(both.clear(), ["parameter"]).columns == whole.columns
