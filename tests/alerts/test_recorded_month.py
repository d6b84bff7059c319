"""A recorded month with 154 injected exceedances, through ingest and both lanes: exactly these."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from bench.alerts_month import BEGIN, DAYS, RULES, inject, lived, quieted, score, scripted
from schemas.clock import DAY


def test_every_injected_breach_is_exactly_one_alert_and_nothing_else_is(tmp_path: Path) -> None:
    injected = scripted(random.Random(1))
    month = lived(tmp_path, lambda city: inject(city, quieted(city), injected))
    raised = month.raised()
    found = score(raised, injected, RULES)
    assert found.injected > 150
    assert (found.precision, found.recall) == (1.0, 1.0)
    expected = Counter((rule, one.sensor) for one in injected for rule in one.rules)
    assert Counter((a.rule, a.sensor) for a in raised) == expected
    loud = {(a.rule, a.sensor, a.started) for a in raised if a.parameter == "laeq"}
    assert loud == {
        (rule, one.sensor, one.start)
        for one in injected
        for rule in one.rules
        if one.parameter == "laeq"
    }, "each from the beginning of its exceedance on"
    assert all(a.ended is not None and a.ended <= BEGIN + (DAYS + 1) * DAY for a in raised)
    month.judge_all_again()
    assert month.raised() == raised, "judged once more, nothing changes"
    month.store.close()
    month.registry.close()
