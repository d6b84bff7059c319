"""Two workers that part the media: one exceedance is one alert, also when its owner dies.

The window is the running minute; the owner of noise is killed when it has
stored a part of its readings, and is started again under the same name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from alerts import alert_events, alerts
from registry import Registry, open_registry
from schemas import Interval
from storage import Store, open_store
from tests.brokers import free_port, mosquitto
from tests.chaos.test_ingest_is_killed import Ingest
from tests.city import demo_registry

ROAD = "noise-dongmen-1"
RULE = """
- id: noise-one-minute
  zh: 一分钟
  en: one minute
  medium: noise
  parameter: laeq
  window: 1min
  limit: {value: 60, reason: test}
  severity: yellow
"""


def until(condition: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end, log.read_text("utf-8", "replace")[-3000:]
        time.sleep(0.1)


@pytest.mark.chaos
def test_an_exceedance_is_raised_once_though_its_owner_dies(tmp_path: Path) -> None:
    demo_registry(tmp_path).close()
    registry_url = f"sqlite:///{tmp_path}/registry.db"
    registry, store = open_registry(registry_url), open_store(f"sqlite:///{tmp_path}/o.db")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rule.yaml").write_text(RULE, "utf-8")
    with mosquitto(tmp_path) as broker:

        def worker(name: str, media: str) -> Ingest:
            environment = {
                **broker.environment,
                "ONENET_STORE_URL": f"sqlite:///{tmp_path}/o.db",
                "ONENET_REGISTRY_URL": registry_url,
                "ONENET_RULES": str(tmp_path / "rules"),
                "ONENET_INGEST_PORT": str(free_port()),
                "ONENET_INGEST_CLIENT_ID": name,
                "ONENET_INGEST_MEDIA": media,
                "ONENET_INGEST_BATCH_AGE_S": "0.1",
            }
            return Ingest(environment, tmp_path / f"{name}.log")

        owner, other = worker("w-noise", "noise"), worker("w-rest", "air, water, soil")
        for one in (owner, other):
            one.wait_until_it_listens()
        sender = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        sender.connect("127.0.0.1", broker.port)
        sender.loop_start()

        def say(moments: list[datetime]) -> None:
            for moment in moments:
                body = {"ts": moment.isoformat(), "values": {"laeq": 72.5}}
                topic = f"onenet/v1/noise/{ROAD}/data/json"
                sender.publish(topic, json.dumps(body), qos=1).wait_for_publish(5)

        begin, moments = minute_before_now()
        say(moments[:4])
        log = tmp_path / "w-noise.log"
        until(lambda: count(store) == 4, log)
        owner.kill()
        say(moments[4:])
        time.sleep(1)
        assert count(store) == 4, "the other worker has no part in noise"
        owner.start()
        owner.wait_until_it_listens()
        until(lambda: bool(alerts(registry, rule="noise-one-minute")), log)
        time.sleep(2)
        check(registry, store, begin)
        for one in (owner, other):
            assert one.drain() == 0
        sender.disconnect()
        sender.loop_stop()
    check(registry, store, begin)
    store.close()
    registry.close()


def minute_before_now() -> tuple[datetime, list[datetime]]:
    """The minute that is running, begun no more than five seconds ago, and ten moments in it."""
    while True:
        now = datetime.now(UTC)
        if now.second < 5:
            break
        time.sleep(0.5)
    begin = now.replace(second=0, microsecond=0)
    return begin, [begin + timedelta(seconds=n * 6) for n in range(10)]


def count(store: Store) -> int:
    return store.count_readings().get(ROAD, 0)


def check(registry: Registry, store: Store, begin: datetime) -> None:
    (alert,) = alerts(registry, rule="noise-one-minute")
    assert alert.started == begin
    moves = [event.move for event in alert_events(registry, alert.id)]
    assert moves.count("open") == 1
    now = datetime.now(UTC)
    account = store.account(Interval(now - timedelta(days=1), now + timedelta(days=1)))
    sums = {name: int(account[name].sum()) for name in account.columns[2:]}
    assert sums["received"] == sums["stored"] + sums["duplicate"] + sums["dead_lettered"]
    assert sums["stored"] == 10
