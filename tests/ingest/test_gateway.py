"""HJ 212 over TCP, with a real Mosquitto and a real ingest: stored, then answered, or silence."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from ingest import replay
from ingest.gateway import Gateway, Limits
from ingest.gateway import admission as admissions
from ingest.hj212 import Packet
from onenet.cli import app
from registry.loggers import addressed, remove_logger, set_logger
from schemas import Interval, SensorId
from schemas.hj212 import Frame, frames_of
from schemas.registry import DeadLetter
from simulators.data_logger import DataLogger
from simulators.data_logger import upload as simulated
from tests.brokers import free_port
from tests.ingest.outstation import (
    MN,
    OUTFALL,
    PASSWORD,
    Broker,
    City,
    Line,
    add_loggers,
    logging_city,
    moment,
    running_gateway,
    upload,
    wait_until,
)

pytestmark = pytest.mark.mosquitto
QUIET_S = 1.0  # so long nothing is heard where nothing is to be heard


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with logging_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest.fixture
def gateway(city: City) -> Iterator[Gateway]:
    with running_gateway(city) as running:
        wait_until(lambda: running.uplink.connected, "the gateway is at the broker")
        yield running


def counted(gateway: Gateway, name: str, **labels: str) -> float:
    return gateway.measures.metrics.get_sample_value(name, labels) or 0.0


def closed(gateway: Gateway, why: str) -> float:
    return counted(gateway, "onenet_gateway_closed_total", why=why)


def answered(answer: bytes | None) -> Packet:
    assert answer is not None
    (frame,), _ = frames_of(answer)
    assert isinstance(frame, Frame), "an answer is a whole frame with its CRC"
    return Packet.parse(frame.segment)


def test_a_frame_ends_as_stored_observations_and_is_answered(city: City, gateway: Gateway) -> None:
    when = moment()
    with Line(gateway.port) as line:
        line.send(upload(when, qn="20261129120000123"))
        answer = answered(line.answer())
    assert (answer.cn, answer.qn, answer.mn, answer.flag) == ("9014", "20261129120000123", MN, 4)
    wait_until(lambda: city.stored(when), "the reading is stored")
    assert city.stored(when) == {"cod": 41.5, "ph": 7.2}


def test_frames_may_come_in_pieces_glued_together_and_with_garbage_between(
    city: City, gateway: Gateway
) -> None:
    first, second = moment(), moment()
    stream = b"\r\nnoise" + upload(first) + b"??" + upload(second)
    with Line(gateway.port) as line:
        for at in range(0, len(stream), 61):
            line.send(stream[at : at + 61])
            time.sleep(0.002)
        assert [answered(line.answer()).cn for _ in range(2)] == ["9014", "9014"]
    wait_until(lambda: city.stored(first) and city.stored(second), "both are stored")


def test_packets_of_one_set_are_answered_one_by_one_and_stored_as_one_reading(
    city: City, gateway: Gateway
) -> None:
    when = moment()
    with Line(gateway.port) as line:
        for number, content in enumerate(("w01018-Rtd=40.1", "w01001-Rtd=7.4"), start=1):
            line.send(upload(when, content, extra=f"Flag=7;PNUM=2;PNO={number}", qn=f"{number}"))
            assert answered(line.answer()).qn == str(number)
    wait_until(lambda: len(city.stored(when)) == 2, "the set is stored")
    assert city.stored(when) == {"cod": 40.1, "ph": 7.4}


@pytest.mark.parametrize("cn", ["1013", "9015"])
def test_a_heartbeat_and_a_wish_for_the_time_are_noticed(gateway: Gateway, cn: str) -> None:
    with Line(gateway.port) as line:
        line.send(upload(moment(), "", cn=cn))
        assert answered(line.answer()).cn == "9013"


def test_who_asks_for_no_answer_gets_none_and_is_stored(city: City, gateway: Gateway) -> None:
    when = moment()
    with Line(gateway.port) as line:
        line.send(upload(when, extra="Flag=4"))
        wait_until(lambda: city.stored(when), "the reading is stored")
        assert line.answer(QUIET_S) is None


# Safe before answered


def test_no_answer_while_the_broker_is_paused_and_a_repeat_is_stored_once(
    city: City, gateway: Gateway
) -> None:
    when = moment()
    with Line(gateway.port) as line:
        line.send(upload(moment()))
        assert line.answer()
        with city.broker.paused():
            line.send(upload(when))
            assert line.answer(QUIET_S) is None
            line.send(upload(when))  # as a logger does that was not answered
            assert line.answer(QUIET_S) is None
        assert [answered(line.answer()).cn for _ in range(2)] == ["9014", "9014"]
    wait_until(lambda: city.stored(when), "the reading is stored")
    window = Interval(when, when + timedelta(seconds=1))
    assert city.store.count_readings(window) == {OUTFALL: 1}
    assert city.store.revisions(window).is_empty()


def test_a_broker_that_dies_costs_no_frame(city: City, gateway: Gateway) -> None:
    when = moment()
    with Line(gateway.port) as line:
        line.send(upload(moment()))
        assert line.answer()
        city.broker.kill()
        wait_until(lambda: not gateway.uplink.connected, "the gateway has noticed")
        line.send(upload(when))
        assert line.answer(QUIET_S) is None
        assert gateway.measures.report()["ok"] is False
        city.broker.start()
        wait_until(city.ingest_listens, "ingest is back")
        answer = line.answer(5)
        while answer is None:  # taken before ingest was back, so not kept, so not answered
            line.send(upload(when))
            answer = line.answer(5)
        assert answered(answer).cn == "9014"
    wait_until(lambda: city.stored(when), "the reading is stored")


def test_a_simulated_logger_repeats_what_the_broker_was_too_slow_for(
    city: City, gateway: Gateway
) -> None:
    when, logger = moment(), DataLogger("127.0.0.1", gateway.port, answer_s=1.0)
    frame = simulated(when, "w01018-Rtd=41.5", mn=MN, password=PASSWORD)
    try:
        with city.broker.paused():
            assert logger.report(frame) is None
        assert logger.sent == 4
        assert "CN=9014" in (logger.report(frame) or "")
    finally:
        logger.close()
    wait_until(lambda: city.stored(when), "the reading is stored")
    assert city.store.count_readings(Interval(when, when + timedelta(seconds=1))) == {OUTFALL: 1}


def test_the_command_that_sends_one_frame_tells_of_an_answer_and_of_none(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONENET_LOGGER_PASSWORD", PASSWORD)
    tried = ["hj212", "send", "w01018-Rtd=41.5", "--port", str(gateway.port), "--answer-s", "1"]
    known = CliRunner().invoke(app, [*tried, "--mn", MN, "--answer-s", "60"])
    assert known.exit_code == 0
    assert "CN=9014" in known.output
    assert PASSWORD not in known.output
    stranger = CliRunner().invoke(app, [*tried, "--mn", "99999999999999"])
    assert "wrong MN or password" in str(stranger.exception)


# Silence


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (upload(moment(), password="guess1"), "hj212_password_wrong"),
        (upload(moment(), mn="99999999999999"), "hj212_mn_unknown"),
        (upload(moment()).replace(b"7.2", b"7.3"), "hj212_bad_crc"),
        (b"##9999" + b"x" * 40, "hj212_segment_too_long"),
        (b"##GET / HTTP/1.1\r\n\r\n", "hj212_bad_length_field"),
        (upload(moment())[:-40], "hj212_truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused_is_seen_by_us_and_not_by_who_sent_it(
    city: City, gateway: Gateway, octets: bytes, code: str
) -> None:
    with Line(gateway.port) as line:
        line.send(octets)
        line.socket.shutdown(1)  # it sends no more, and still listens
        assert line.answer() == b"", "nothing is said before the line is closed"
    sent = octets.rstrip(b"\r\n")

    def written() -> list[DeadLetter]:
        return [one for one in city.letters(code) if one.raw.rstrip(b"\r\n") == sent]

    wait_until(written, "the dead letter is there")
    (letter,) = written()
    assert "127.0.0.1" in letter.value
    assert PASSWORD not in letter.reason_en + letter.reason_zh + letter.value
    assert counted(gateway, "onenet_gateway_refused_total", code=code) == 1


def test_a_stranger_is_shown_the_door_after_five_frames(city: City, gateway: Gateway) -> None:
    before = closed(gateway, "strikes")
    with Line(gateway.port) as line:
        for _ in range(8):
            line.send(upload(moment(), password="guess2"))
        assert line.answer() == b""
    wait_until(lambda: closed(gateway, "strikes") == before + 1, "it was closed")
    assert counted(gateway, "onenet_gateway_refused_total", code="hj212_password_wrong") == 5


def test_too_many_guesses_shut_out_even_the_right_password(gateway: Gateway) -> None:
    for _ in range(2):
        with Line(gateway.port) as line:
            line.send(b"".join(upload(moment(), password=f"guess{n}") for n in range(5)))
            assert line.answer() == b""
    with Line(gateway.port) as line:
        line.send(upload(moment()))
        assert line.answer(QUIET_S) is None


def test_passwords_are_compared_in_constant_time(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    real = admissions.hmac.compare_digest

    def compare(one: Any, other: Any) -> bool:
        compared.append(len(one))
        return real(one, other)

    monkeypatch.setattr(admissions.hmac, "compare_digest", compare)
    with Line(gateway.port) as line:
        for password in (PASSWORD, PASSWORD, "guess3"):
            line.send(upload(moment(), password=password))
        assert line.answer()
        assert line.answer()
        assert line.answer(QUIET_S) is None
    assert compared == [32, 32]  # argon2 once, then digests of equal length, right or wrong


def test_a_stranger_of_yesterday_is_replayed_once_it_is_registered(
    city: City, gateway: Gateway
) -> None:
    when, mn = moment(), "88888880000007"
    with Line(gateway.port) as line:
        line.send(upload(when, "a34004-Rtd=33", mn=mn))
        assert line.answer(QUIET_S) is None

    def found() -> list[Any]:
        return [one for one in city.letters("hj212_mn_unknown") if one.topic.endswith(mn)]

    wait_until(found, "the dead letter is there")
    assert list(addressed(city.registry, found())) == []
    set_logger(city.registry, "air-lianhua-1", mn=mn, by="li", at=when)
    (letter,) = addressed(city.registry, found())
    assert letter.topic == "onenet/v1/air/air-lianhua-1/data/hj212"
    time.sleep(2.5)  # ingest looks into the registry every two seconds
    assert replay([letter], city.address) == [letter.id]
    wait_until(lambda: city.stored(when, "air-lianhua-1"), "the reading is stored")


# Limits


def test_who_drips_a_frame_or_says_nothing_is_let_go(city: City) -> None:
    limits = Limits(first_s=3.0, frame_s=0.3, strikes=2, answer_s=0.0)
    with running_gateway(city, limits) as gateway, ExitStack() as lines:
        silent = lines.enter_context(Line(gateway.port))
        loris = lines.enter_context(Line(gateway.port))
        for octet in b"##0100QN=2026":
            try:
                loris.send(bytes([octet]))
            except ConnectionError:
                break
            time.sleep(0.1)
        assert loris.answer() == b""
        assert silent.answer() == b""
        wait_until(lambda: closed(gateway, "silent") >= 1, "the silent one was closed")
        assert counted(gateway, "onenet_gateway_refused_total", code="hj212_truncated") >= 1


def test_endless_garbage_ends(city: City, gateway: Gateway) -> None:
    with Line(gateway.port) as line:
        with suppress(ConnectionError):
            for _ in range(50):
                line.send(b"garbage " * 100)
        assert line.answer() == b""
    wait_until(lambda: closed(gateway, "garbage") == 1, "it was closed")


def test_a_flood_of_one_logger_waits_and_the_others_do_not(city: City) -> None:
    other = "88888880000008"
    add_loggers(city.registry, {other: "air-lianhua-2"}, PASSWORD)
    limits = Limits(frames_per_s=5, burst=5, connections_per_peer=2)
    with running_gateway(city, limits) as gateway, Line(gateway.port) as flood:
        flood.send(b"".join(upload(moment()) for _ in range(40)))
        with Line(gateway.port) as calm:
            begun = time.monotonic()
            calm.send(upload(moment(), "a34004-Rtd=33", mn=other))
            assert answered(calm.answer()).mn == other
            took = time.monotonic() - begun
            with Line(gateway.port) as third:
                assert third.answer() == b""
        assert counted(gateway, "onenet_gateway_frames_total", outcome="answered") < 40
        assert took < 7, "the flood needs seven seconds at its pace"
        assert closed(gateway, "peer") == 1


def test_the_newest_connection_of_an_mn_stays(city: City, gateway: Gateway) -> None:
    with Line(gateway.port) as old, Line(gateway.port) as new:
        old.send(upload(moment()))
        assert old.answer()
        new.send(upload(moment()))
        assert new.answer()
        assert old.answer() == b""
        new.send(upload(moment()))
        assert answered(new.answer()).cn == "9014"
    assert closed(gateway, "newer") == 1


def test_who_is_a_logger_no_longer_is_cut_off(city: City, gateway: Gateway) -> None:
    mn, sensor = "88888880000009", "noise-dongmen-1"
    add_loggers(city.registry, {mn: sensor}, PASSWORD)
    when = moment()
    wait_until(lambda: gateway.admission.find(mn), "the gateway knows the logger")
    with Line(gateway.port) as line:
        line.send(upload(when, "a34004-Rtd=33", mn=mn))
        assert line.answer()
        remove_logger(city.registry, sensor, by="li", at=when)
        begun = time.monotonic()
        assert line.answer() == b""
        assert time.monotonic() - begun < 30
    assert closed(gateway, "removed") == 1


def test_three_hundred_loggers_at_once_are_all_answered(city: City) -> None:
    many = 300
    (pattern,) = [s for s in city.registry.sensors().values() if s.id == "air-lianhua-1"]
    sensors = [
        pattern.model_copy(update={"id": SensorId(f"air-many-{n}"), "serial": f"MANY-{n}"})
        for n in range(many)
    ]
    city.registry.add(sensors=sensors)
    owners = {f"MANY{n:010d}": str(sensor.id) for n, sensor in enumerate(sensors)}
    add_loggers(city.registry, owners, PASSWORD)
    when = moment()
    time.sleep(2.5)  # ingest looks into the registry every two seconds
    limits = Limits(connections_per_peer=many)
    with running_gateway(city, limits) as gateway, ExitStack() as lines:
        opened = {mn: lines.enter_context(Line(gateway.port)) for mn in owners}
        for mn, line in opened.items():
            line.send(upload(when, "a34004-Rtd=33", mn=mn))
        assert {answered(line.answer()).mn for line in opened.values()} == set(owners)
        assert gateway.measures.report()["connections"] == many
    wait_until(
        lambda: all(city.stored(when, sensor) for sensor in list(owners.values())[::50]),
        "they are stored",
    )


def test_a_bug_beside_the_connections_ends_the_gateway_loudly(city: City) -> None:
    def broken() -> bool:
        raise RuntimeError("a bug")

    def run() -> None:
        with running_gateway(city) as gateway:
            gateway.admission.renew = broken  # type: ignore[method-assign]
            asyncio.run_coroutine_threadsafe(gateway.failed(), gateway.uplink._loop).result(60)

    with pytest.raises(RuntimeError, match="a bug"):
        run()


# The process


def test_the_process_serves_tells_how_it_is_and_stops_when_asked(
    city: City, tmp_path: Path
) -> None:
    port, health = free_port(), free_port()
    environment = {
        **os.environ,
        **city.environment,
        "ONENET_GATEWAY_PORT": str(port),
        "ONENET_GATEWAY_HEALTH_PORT": str(health),
    }
    with (tmp_path / "gateway.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "onenet", "gateway"], env=environment, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: well(health), "the gateway is well")
        when = moment()
        with Line(port) as line:
            line.send(upload(when))
            assert answered(line.answer()).cn == "9014"
            metrics = httpx.get(f"http://127.0.0.1:{health}/metrics", timeout=5).text
            assert re.search(r'onenet_gateway_frames_total\{outcome="passed"\} 1\.0', metrics)
            process.send_signal(signal.SIGTERM)
            assert line.answer() == b""
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait(10)
    said = (tmp_path / "gateway.log").read_text("utf-8")
    assert '"gateway stopped"' in said
    assert PASSWORD not in said


def well(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).json()["ok"])
    except httpx.HTTPError:
        return False


def test_no_answer_when_nobody_would_keep_the_frame(city: City, tmp_path: Path) -> None:
    """A broker without ingest's session takes a message and throws it away."""
    alone = City(Broker(tmp_path), city.registry, city.store, city.environment, city.health)
    try:
        with running_gateway(alone) as gateway, Line(gateway.port) as line:
            line.send(upload(moment()))
            not_taken = "onenet_gateway_frames_total"
            wait_until(lambda: counted(gateway, not_taken, outcome="not_taken"), "told")
            assert line.answer(QUIET_S) is None
    finally:
        alone.broker.kill()
