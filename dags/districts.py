"""Aggregation as one task, or mapped over the districts, with one more for what lies over them.

ONENET_MAP_DISTRICTS chooses. Both write the same rows. One task is quicker for a city that fits
into it; mapped tasks run side by side, on several machines if the executor has them, and one that
fails is tried again by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any

from airflow.sdk import Asset, task

from dags.sources import sources
from network import districts_of
from registry import Registry
from storage import Store

MAPPED = os.environ.get("ONENET_MAP_DISTRICTS", "").casefold() in ("1", "true", "yes", "on")

Make = Callable[[Store, Registry, Collection[str] | None], int]
RollUp = Callable[[Store, Registry], int]


def aggregation(make: Make, over: RollUp, *, outlet: Asset) -> Any:
    """The tasks; returns the last one, which tells that all rows are there.

    make: aggregates some districts, or with None the whole city. over: what lies over districts.
    """
    if not MAPPED:

        @task(outlets=[outlet])
        def aggregate() -> int:
            with sources() as (store, registry):
                return make(store, registry, None)

        return aggregate()

    @task
    def districts() -> list[str]:
        with sources() as (_, registry):
            return districts_of(registry)

    @task
    def aggregate_district(district: str) -> int:
        with sources() as (store, registry):
            return make(store, registry, [district])

    @task(outlets=[outlet])
    def roll_up() -> int:
        with sources() as (store, registry):
            return over(store, registry)

    last = roll_up()
    aggregate_district.expand(district=districts()) >> last
    return last
