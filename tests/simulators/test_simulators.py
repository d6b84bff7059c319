"""Emulators, recordings, faults and ledger: what the fleet sends is known to the last reading."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.directory import SensorDirectory
from ingest.pipeline import Batch, Message, Pipeline
from ingest.qc import QualityControl
from registry import migrate, open_registry, seed_demo_city
from registry.seed import demo_city
from schemas import FlaggedReading, Medium, catalogue
from simulators.faults import FAULTS, Fault, Script, check_faults, demo_faults, load_faults
from simulators.fleet import Device, load_fleet, made_up_fleet
from simulators.ledger import Ledger
from simulators.messages import History
from simulators.recordings import ANCHOR_S, SOURCES, recording
from simulators.weather import DAY_S, HOUR_S, Weather, tide
from tests.brokers import mosquitto

NOW = 1_795_000_000.0
WEATHER = Weather(1)
SENSORS = [s for s in demo_city()[3] if s.source and s.state == "active"]
FLEET = [
    Device(
        id=s.id,
        medium=s.medium,
        source=str(s.source),
        cadence_s=s.cadence_s,
        parameters=s.parameters,
    )
    for s in SENSORS
]
EMULATED = [d for d in FLEET if d.source.startswith("emulator:")]


@given(t=st.floats(1.6e9, 2e9), index=st.integers(0, len(EMULATED) - 1))
def test_any_moment_gives_the_same_possible_values_every_time(t: float, index: int) -> None:
    device = EMULATED[index]
    values = device.at(t, Weather(1))
    assert values == device.at(t, Weather(1))
    assert set(values) == set(device.parameters)
    for key, value in values.items():
        low, high = catalogue()[key].range
        assert value is not None
        assert low <= value <= high


def test_history_and_a_second_run_agree_on_what_was_measured() -> None:
    for device in FLEET:
        whole = dict(device.between(NOW - DAY_S, NOW, WEATHER))
        parts = dict(device.between(NOW - DAY_S, NOW - 40_000, WEATHER))
        parts |= dict(device.between(NOW - 40_000, NOW, WEATHER))
        assert whole == parts


def test_healthy_emulators_pass_quality_control() -> None:
    judged, flagged = 0, 0
    for sensor, device in zip(SENSORS, FLEET, strict=True):
        if not device.source.startswith("emulator:"):
            continue
        readings = [
            FlaggedReading(sensor.id, round(t * 1000), dict(values))
            for t, values in device.between(NOW - 2 * DAY_S, NOW, WEATHER)
        ]
        quality = QualityControl(catalogue())
        quality.know([sensor])
        quality.flag(readings)
        flagged += sum(len(reading.quality) for reading in readings)
        judged += sum(len(reading.values) for reading in readings)
    assert flagged / judged < 0.005


def mean(device: Device, key: str, hours: range) -> float:
    found = [
        values[key]
        for t, values in device.between(NOW - 14 * DAY_S, NOW, WEATHER)
        if int((t / HOUR_S + 8) % 24) in hours
    ]
    return sum(v for v in found if v is not None) / len(found)


def test_streets_are_quieter_at_night_and_ozone_comes_with_the_sun() -> None:
    road = next(d for d in FLEET if d.source == "emulator:noise-road")
    station = next(d for d in FLEET if d.source == "emulator:air" and "o3" in d.parameters)
    assert mean(road, "laeq", range(8, 20)) > mean(road, "laeq", range(1, 5)) + 5
    assert mean(station, "o3", range(12, 16)) > mean(station, "o3", range(1, 6)) + 30
    assert mean(station, "pm10", range(24)) > mean(station, "pm25", range(24))


def test_the_tide_rises_twice_a_day() -> None:
    heights = [tide(NOW + minute * 60) for minute in range(0, 3 * 1440, 10)]
    highs = sum(a < b > c for a, b, c in zip(heights, heights[1:], heights[2:], strict=False))
    assert 5 <= highs <= 7


def test_rain_clouds_the_rivers() -> None:
    device = next(d for d in FLEET if d.source == "emulator:river")
    times = [NOW - hour * HOUR_S for hour in range(0, 60 * 24, 3)]
    wet = [device.at(t, WEATHER)["turbidity"] for t in times if WEATHER.wetness(t) > 0.4]
    dry = [device.at(t, WEATHER)["turbidity"] for t in times if WEATHER.wetness(t) < 0.05]
    assert wet
    assert dry
    assert min(v for v in wet if v is not None) > max(v for v in dry if v is not None)


@pytest.mark.parametrize(
    ("name", "offset_s", "values"),
    [
        ("prsa-aotizhongxin", 3600, {"pm25": 137.0, "co": 2.7, "wind_direction": 90.0}),
        ("sds011-8554", 101, {"pm10": 43.63, "pm25": 21.6}),
        ("noisemonitor-1min", 30, {"laeq": 47.360418}),
        ("apacp-sonde", 900, {"do": 5.8, "salinity": 24.4, "conductivity": 38.5}),
        ("uscrn-03048", 0, {"soil_moisture": None, "soil_temperature": 1.2}),
        ("prsa-huairou", 0, {"pm25": None, "temperature": 18.3}),
    ],
)
def test_recordings_are_replayed_in_our_units(name: str, offset_s: int, values: dict) -> None:
    replayed = recording(name).between(ANCHOR_S + offset_s, ANCHOR_S + offset_s + 1, tuple(values))
    assert list(replayed) == [(ANCHOR_S + offset_s, values)]


def test_a_recording_is_laid_end_to_end_with_its_gaps() -> None:
    for name in SOURCES:
        laid = recording(name)
        keys = tuple(laid.values[0])
        first = [t for t, _ in laid.between(ANCHOR_S, ANCHOR_S + laid.length_s, keys)]
        second = laid.between(ANCHOR_S + laid.length_s, ANCHOR_S + 2 * laid.length_s, keys)
        assert [t - laid.length_s for t, _ in second] == first
        assert laid.length_s % DAY_S == 0


def sent(faults: list[Fault], device: Device, days: float = 1.0) -> list:
    start = NOW - days * DAY_S
    history = History(
        [device],
        weather=WEATHER,
        script=Script(faults, start),
        ledger=Ledger(None),
        start_s=start,
        end_s=NOW,
        batch=50,
    )
    return list(history)


def fault(kind: str, **more: object) -> Fault:
    return Fault.model_validate(
        {"device": AIR.id, "kind": kind, "from_s": 3600, "for_s": 7200, **more}
    )


AIR = next(d for d in FLEET if d.source == "emulator:air" and "no2" in d.parameters)
CLEAN = [json.loads(m.payload) for m in sent([], AIR)]


def flat(messages: list) -> list[dict]:
    parsed = [json.loads(m.payload) for m in messages if m.distinct or m.repeats]
    return [r for p in parsed for r in (p if isinstance(p, list) else [p])]


def test_without_faults_everything_is_distinct_and_acceptable() -> None:
    messages = sent([], AIR)
    assert sum(m.distinct for m in messages) == len(flat(messages)) == 288
    assert all(m.repeats == m.refused == 0 for m in messages)


def test_an_outage_is_sent_late_and_whole() -> None:
    messages = sent([fault("outage")], AIR)
    assert sorted(r["ts"] for r in flat(messages)) == sorted(r["ts"] for p in CLEAN for r in p)


def test_duplicates_are_counted_as_repeats() -> None:
    messages = sent([fault("duplicate")], AIR)
    assert sum(m.repeats for m in messages) == 24
    assert sum(m.distinct for m in messages) == 288


def test_a_small_skew_moves_times_and_a_large_one_is_refused() -> None:
    moved = sent([fault("skew", size=137)], AIR)
    assert sum(m.refused for m in moved) == 0
    assert sum(r["ts"] % 300_000 == 137_000 for r in flat(moved)) == 24
    ancient = sent([fault("skew", size=-60 * DAY_S)], AIR)
    assert sum(m.refused for m in ancient) == 24
    assert sum(m.distinct for m in ancient) == 264


def test_spike_flatline_and_calibration_change_values_and_flags() -> None:
    spikes = flat(sent([fault("spike", parameter="no2", size=400)], AIR))
    assert 0 < sum(r["values"]["no2"] > 350 for r in spikes) <= 3
    flatline = flat(sent([fault("flatline", parameter="o3")], AIR))
    assert Counter(r["values"]["o3"] for r in flatline).most_common(1)[0][1] >= 24
    gas = flat(sent([fault("calibration", parameter="no2", size=300)], AIR))
    assert [r["flags"] for r in gas if "flags" in r] == [{"no2": "C"}] * 24


def test_malformed_messages_come_beside_the_good_ones() -> None:
    messages = sent([fault("malformed")], AIR)
    assert sum(m.refused for m in messages) == 24
    assert sum(m.distinct for m in messages) == 288


def test_the_demo_script_has_every_kind_and_labels_each(tmp_path: Path) -> None:
    faults = demo_faults(FLEET)
    assert {f.kind for f in faults} == set(FAULTS)
    Script(faults, NOW).write_labels(tmp_path / "labels.jsonl")
    labels = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert {label["kind"] for label in labels} == set(FAULTS)
    assert all(label["end"] > label["start"] for label in labels)


def test_a_fault_that_would_do_nothing_is_told() -> None:
    check_faults(demo_faults(FLEET), FLEET)
    with pytest.raises(ValueError, match="fault 0: device: the fleet has no 'nobody'"):
        check_faults([Fault(device="nobody", kind="outage", from_s=0, for_s=1)], FLEET)
    with pytest.raises(ValueError, match="measures no 'laeq', but pm25, "):
        check_faults([fault("spike", parameter="laeq")], FLEET)


def test_ingest_takes_what_the_ledger_calls_good_and_refuses_what_it_calls_bad(
    tmp_path: Path,
) -> None:
    """A month of the demo, all faults at work: the books of both sides must agree."""
    url = f"sqlite:///{tmp_path}/registry.db"
    migrate(url)
    seed_demo_city(open_registry(url))
    directory = SensorDirectory(open_registry(url), catalogue())
    directory.renew()
    pipeline = Pipeline(directory, catalogue())
    faults, begun, now = demo_faults(FLEET), int(NOW) - 30 * DAY_S, int(NOW)
    faulty = [device for device in FLEET if device.id in {fault.device for fault in faults}]
    history = History(
        faulty,
        weather=WEATHER,
        script=Script(faults, begun),
        ledger=Ledger(None),
        start_s=begun,
        end_s=now,
        batch=100,
    )
    for message in history:
        batch = Batch()
        pipeline.process(Message(message.topic, message.payload, now * 1000), batch)
        told = [letter.reason_en for letter in batch.dead_letters]
        assert len(batch.readings) == message.distinct + message.repeats, told
        assert sum(letter.readings for letter in batch.dead_letters) == message.refused, told


def test_a_second_run_goes_on_where_the_ledger_ends(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.started_ms = 1
    for message in sent([], AIR):
        ledger.count(message)
    ledger.save()
    again = Ledger(tmp_path / "ledger.json")
    assert again.readings == 288
    history = History(
        [AIR],
        weather=WEATHER,
        script=Script([], NOW),
        ledger=again,
        start_s=NOW - DAY_S,
        end_s=NOW + 3600,
        batch=50,
    )
    assert sum(m.distinct for m in history) == 12


def test_bad_files_are_refused_with_the_place_and_the_rule(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    fleet.write_text('[{"id": "a-1", "medium": "air", "source": "x", "cadence_s": 1}]', "utf-8")
    with pytest.raises(ValueError, match=r"fleet\.json: 0\.source"):
        load_fleet(fleet)
    script = tmp_path / "faults.yaml"
    script.write_text("[{device: a-1, kind: gremlin, from_s: 0, for_s: 1}]", "utf-8")
    with pytest.raises(ValueError, match="gremlin"):
        load_faults(script)
    with pytest.raises(ValueError, match="there are: apacp-sonde"):
        recording("nothing")


def test_any_number_of_sensors_can_be_made_up() -> None:
    fleet = made_up_fleet(1000, list(Medium))
    assert len({device.id for device in fleet}) == 1000
    assert {device.medium for device in fleet} == set(Medium)


def test_a_fleet_that_is_asked_to_stop_waits_for_no_broker_that_is_gone(tmp_path: Path) -> None:
    log = tmp_path / "fleet.log"
    heard = threading.Event()
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "listener")
    listener.on_message = lambda *_: heard.set()
    with mosquitto(tmp_path) as broker, log.open("wb") as out:
        listener.connect("127.0.0.1", broker.port)
        listener.subscribe("onenet/v1/#")
        listener.loop_start()
        command = [sys.executable, "-m", "onenet", "simulate", "--port", str(broker.port)]
        command += ["--sensors", "200", "--history", "30", "--batch", "1"]
        fleet = subprocess.Popen(command, stdout=out, stderr=out)
        assert heard.wait(60), log.read_text("utf-8")  # it publishes: ready to be interrupted
        listener.loop_stop()
        assert fleet.poll() is None, log.read_text("utf-8")
    time.sleep(1)
    fleet.send_signal(signal.SIGINT)
    assert fleet.wait(10) == 1
    told = log.read_text("utf-8")
    assert "is gone" in told or "not acknowledged" in told
