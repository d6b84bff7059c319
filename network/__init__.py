"""The one network: observations become aggregates of every level, verdicts, and views of them."""

from network.assess import assess_days, assess_hours
from network.rollup import compare_owners
from network.run import (
    Rejudged,
    aggregate_days,
    aggregate_hours,
    aggregate_periods,
    rejudge_pending,
    roll_up_days,
    roll_up_hours,
    roll_up_periods,
)
from network.shares import districts_of

__all__ = [
    "Rejudged",
    "aggregate_days",
    "aggregate_hours",
    "aggregate_periods",
    "assess_days",
    "assess_hours",
    "compare_owners",
    "districts_of",
    "rejudge_pending",
    "roll_up_days",
    "roll_up_hours",
    "roll_up_periods",
]
