"""Thirty days through `airflow backfill`, held against the rows of live aggregation.

`python -m bench.backfill [--days N]`. A month of hours is 720 runs, a second or so each: this takes
a quarter of an hour. Says how long the backfill took, how long the same work takes without Airflow,
and whether every row is the same.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from network import aggregate_days, aggregate_hours, assess_days, assess_hours
from schemas import Interval, Period
from storage import open_store
from tests.dags.city import City, backfill, rows, wait_for, wait_until_scheduled

PERIODS = (Period.HOUR, Period.DAY, Period.DAYTIME, Period.NIGHT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    last = Interval.city_day(datetime.now(UTC) - timedelta(days=2))
    span = Interval(last.end - timedelta(days=options.days), last.end)
    days = list(span.city_days())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        city, live = City(home / "city"), open_store(f"sqlite:///{home}/live.db")
        store = open_store(city.store_url)
        wider = Interval(span.start - timedelta(days=1), span.end + timedelta(days=1))
        for each in (live, store):
            city.fill(each, wider)
        # What live runs would have written: everything but the hours and days under test too.
        begun = time.perf_counter()
        aggregate_hours(list(wider.hours()), store=live, registry=city.registry)
        aggregate_days(days, store=live, registry=city.registry)
        assess_hours(list(wider.hours()), store=live, registry=city.registry)
        assess_days(days, store=live, registry=city.registry)
        print(f"without Airflow: {time.perf_counter() - begun:.1f} s", flush=True)
        outside = [h for h in wider.hours() if h.start not in span]
        aggregate_hours(outside, store=store, registry=city.registry)
        assess_hours(outside, store=store, registry=city.registry)
        store.settle_hours(store.pending_hours(datetime.now(UTC)))

        airflow = city.start_airflow()
        try:
            wait_until_scheduled(city, airflow)
            for dag, start, end in (
                ("hourly_aggregates", span.start + timedelta(minutes=5), span.end),
                ("daily_assessment", days[0].start, days[-1].end - timedelta(hours=1)),
            ):
                begun = time.perf_counter()
                backfill(city, dag, start, end)
                wait_for(
                    lambda dag=dag: city.unfinished_runs(dag) == 0,  # type: ignore[misc]
                    airflow,
                    seconds=90 * options.days,
                )
                print(f"backfill of {dag}: {time.perf_counter() - begun:.0f} s", flush=True)
        finally:
            airflow.stop(20)
        for period in PERIODS:
            ours, theirs = rows(store, span, period), rows(live, span, period)
            verdict = "the same" if ours == theirs else "DIFFERENT"
            print(f"{period}: {len(ours):,} rows, {verdict} as live")


if __name__ == "__main__":
    main()
