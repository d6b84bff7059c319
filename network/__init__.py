"""The one network: observations become aggregates of every level, and views of them."""

from network.rollup import compare_owners
from network.run import (
    Rejudged,
    aggregate_days,
    aggregate_hours,
    aggregate_periods,
    rejudge_pending,
)

__all__ = [
    "Rejudged",
    "aggregate_days",
    "aggregate_hours",
    "aggregate_periods",
    "compare_owners",
    "rejudge_pending",
]
