"""Seconds from the reading that makes an average certain to its alert in a webhook: the DAG lane.

`python -m bench.alerts_dag_lane [--sensors 24]`: of the last whole hour every minute but one is
published; then each sensor, 5 s after the other, sends the minute that its hourly mean lacked. The
rule asks for all of them, so that the alert can rise then and not before. Broker, ingest, deliverer
and Airflow with all its DAGs are processes of their own, as in the demo.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt

import dags
from bench.alerts_latency import city, report
from onenet.airflow_env import airflow_environment
from onenet.children import Child
from schemas import Interval, SystemClock
from tests.brokers import free_port

LOUD = 70.0  # dB(A)
RULE: dict[str, object] = {
    "id": "bench-hour",
    "zh": "小时噪声",
    "en": "Hourly noise",
    "medium": "noise",
    "parameter": "laeq",
    "window": "1h",
    "limit": {"value": 60, "reason": "of this bench alone"},
    "min_completeness": 1.0,
    "severity": "orange",
}
APART_S = 5.0
STARTING_S = 300.0
PATIENCE_S = 240.0


def wait_for_airflow(port: int, airflow: Child) -> None:
    """Until the DAG has come to the end of a run: what comes first is slower than every other."""
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + STARTING_S
    while time.monotonic() < end and airflow.running():
        try:
            token = httpx.get(f"{url}/auth/token").json()["access_token"]
            runs = httpx.get(
                f"{url}/api/v2/dags/alert_thresholds/dagRuns",
                params={"state": "success"},
                headers={"Authorization": f"Bearer {token}"},
            )
            if runs.json().get("total_entries"):
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(2)
    raise SystemExit("no run of alert_thresholds succeeded:\n" + airflow.last_words())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=24)
    options = parser.parse_args()
    hour = Interval.hour(SystemClock().now() - timedelta(hours=1))
    minutes = [int(hour.start.timestamp() + 60 * n) * 1000 for n in range(60)]
    with city(RULE, options.sensors, cadence_s=60) as running:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
        client.connect("127.0.0.1", running.broker.port)
        client.loop_start()

        def send(name: str, times: list[int]) -> None:
            readings = [{"ts": ts, "values": {"laeq": LOUD}} for ts in times]
            sent = client.publish(f"onenet/v1/noise/{name}/data/json", json.dumps(readings), qos=1)
            sent.wait_for_publish(30)

        for name in running.names:
            send(name, minutes[:-1])
        port = free_port()
        airflow = Child(
            "airflow",
            [str(Path(sys.executable).parent / "airflow"), "standalone"],
            env=running.environment
            | airflow_environment(
                running.home / "airflow", dags=Path(dags.__file__).parent, port=port, demo=True
            ),
            logs=running.home / "logs",
        )
        try:
            wait_for_airflow(port, airflow)
            left: dict[str, float] = {}
            for name in running.names:
                left[name] = time.monotonic()
                send(name, minutes[-1:])
                time.sleep(APART_S)
            report("DAG lane", running, left, PATIENCE_S)
        finally:
            airflow.stop(30)
            client.disconnect()
            client.loop_stop()


if __name__ == "__main__":
    main()
