"""Credentials of sensors on a real Mosquitto, driven by the registry: given, kept apart, ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.session import TOPICS
from onenet.certificates import Pair, make_device
from registry import Registry
from registry.accounts import BrokerUnavailable, NewAccount, RegistryIsTheList
from registry.credentials import (
    Issued,
    credentials,
    issue,
    kept_accounts,
    resume,
    revoke,
    suspend,
)
from registry.devices import known_now, register, retire
from registry.entries import read_entry
from registry.follow import GRACE, Follower, reconcile
from registry.models import CredentialRow
from registry.mosquitto import Address, DynamicSecurity, as_file
from schemas import SystemClock
from tests.deploy.production_broker import Client, ProductionBroker, production_mosquitto

pytestmark = pytest.mark.mosquitto

A, B = "noise-dongmen-1", "air-lianhua-1"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProductionBroker]:
    with production_mosquitto(tmp_path_factory.mktemp("provisioned")) as running:
        yield running


@pytest.fixture
def accounts(broker: ProductionBroker) -> Iterator[DynamicSecurity]:
    """The broker's accounts, none at the beginning."""
    found = broker.accounts_of_devices
    found.remove(found.listed())
    yield found
    found.remove(found.listed())


def now() -> datetime:
    return datetime.now(UTC)


def give(registry: Registry, accounts: DynamicSecurity, sensor: str, **more: object) -> Issued:
    return issue(registry, accounts, [sensor], by="tester", at=now(), **more)[0]  # type: ignore[arg-type]


def device(broker: ProductionBroker, issued: Issued) -> Client:
    return Client(broker.tls, issued.username, issued.password, ca=broker.ca)


def test_each_sensor_opens_its_own_topics_and_nothing_of_another(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    a, b = give(registry, accounts, A), give(registry, accounts, B)
    own = f"onenet/v1/noise/{A}"
    others = [f"onenet/v1/air/{B}/{channel}/json" for channel in ("data", "status", "cmd", "reply")]
    with (
        Client(broker.inside, "ingest", broker.passwords["ingest"]) as reader,
        Client(broker.inside, "operator", broker.passwords["operator"]) as operator,
        device(broker, a) as one,
        device(broker, b) as other,
    ):
        reader.subscribe(TOPICS)
        for topic in (
            *("#", "+/#", "onenet/#", "onenet/v1/+/+/+/+", "$SYS/#", "$CONTROL/#"),
            *(f"$share/g/onenet/v1/air/{B}/cmd/json", f"{own}/data/json", *others, f"{own}/cmd/+"),
        ):
            one.subscribe(topic)
        other.publish(f"onenet/v1/air/{B}/data/json")
        for sensor in (f"air/{B}", f"noise/{A}"):
            operator.publish(f"onenet/v1/{sensor}/cmd/json")
            operator.publish(f"onenet/v1/{sensor}/data/json")
        assert one.wait_for(2, timeout=0.7) == [f"{own}/cmd/json"]

        reader.received.clear()
        forbidden = (
            f"{own}/cmd/json",
            f"onenet/v1/air/{A}/data/json",
            f"{own}/data",
            "onenet/v1/x",
        )
        for topic in (*others, *forbidden, "$CONTROL/dynamic-security/v1"):
            assert one.publish(topic, b'{"commands": []}') == "Not authorized", topic
        assert one.publish(f"{own}/data/json") == "Success"
        assert reader.wait_for(1) == [f"{own}/data/json"]


def test_a_will_is_a_message_like_any_other(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    issued = give(registry, accounts, A)
    own = f"onenet/v1/noise/{A}/status/json"
    with Client(broker.inside, "ingest", broker.passwords["ingest"]) as reader:
        reader.subscribe(TOPICS)
        for topic in (f"onenet/v1/air/{B}/status/json", own):
            client = device(broker, issued)
            client.client.will_set(topic, b"{}", 1)
            with client:
                client.vanish()
        assert reader.wait_for(2, timeout=1) == [own]


def test_anonymous_gets_nothing_and_a_wrong_password_neither(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    issued = give(registry, accounts, A)
    for name, password in (("", ""), (A, ""), (A, issued.password[:-1]), (B, issued.password)):
        with Client(broker.tls, name, password, ca=broker.ca) as stranger:
            assert stranger.refusal == "Not authorized"


def test_from_registration_to_the_first_accepted_message(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    """The measured way of a new sensor; printed with `pytest -s`."""
    with Client(broker.inside, "ingest", broker.passwords["ingest"]) as reader:
        reader.subscribe(TOPICS)
        begun = time.perf_counter()
        raw = {"serial": "SN26-9001", "model": "NM-S1", "station": "st-noise-dongmen"}
        entry, problems = read_entry(raw, known_now(registry, now()))
        assert entry is not None, problems
        sensor = register(registry, [entry], by="tester", at=now())[0].sensor
        issued = give(registry, accounts, sensor)
        with device(broker, issued) as one:
            assert one.publish(issued.topic) == "Success"
            assert reader.wait_for(1) == [issued.topic]
        took = time.perf_counter() - begun
    print(f"from registration to the first message at ingest: {1000 * took:.0f} ms")
    assert took < 5


def test_the_password_is_nowhere_but_with_who_asked(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity, tmp_path: Path
) -> None:
    issued = give(registry, accounts, A)
    with registry.session() as session:
        kept = session.query(CredentialRow).one()
    assert issued.password not in kept.hash
    for path in (*tmp_path.rglob("*"), *broker.installation.rglob("*")):
        if path.is_file():
            assert issued.password.encode() not in path.read_bytes(), path


def test_rotation_overlaps_and_then_ends(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    old = give(registry, accounts, A)
    new = give(registry, accounts, A, overlap=timedelta(hours=1))
    assert new.username != old.username
    with device(broker, old) as first, device(broker, new) as second:
        for client in (first, second):
            assert client.refusal == ""
            assert client.publish(new.topic) in ("Success", "No matching subscribers")
        done = reconcile(registry, accounts, now() + timedelta(hours=2))
        assert done.ended == done.removed == (old.username,)
        assert first.wait_until_thrown_out()
        assert not second.was_thrown_out()
    with device(broker, old) as again:
        assert again.refusal == "Not authorized"
    assert [c.state for c in credentials(registry, A)] == ["active", "ended"]


def test_revocation_cuts_the_live_connection_within_5_s_and_refuses_the_next(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    a, b = give(registry, accounts, A), give(registry, accounts, B)
    with device(broker, a) as one, device(broker, b) as other:
        begun = time.monotonic()
        assert revoke(registry, accounts, A, by="tester", at=now(), why="stolen")
        assert one.wait_until_thrown_out()
        assert time.monotonic() - begun < 5
        assert not other.was_thrown_out()
    with device(broker, a) as again:
        assert again.refusal == "Not authorized"


def test_a_quarantined_sensor_is_out_until_it_is_let_in_again(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    issued = give(registry, accounts, A)
    with device(broker, issued) as one:
        assert suspend(registry, accounts, A, by="tester", at=now(), why="floods")
        assert one.wait_until_thrown_out()
    with device(broker, issued) as one:
        assert one.refusal == "Not authorized"
    assert resume(registry, accounts, A, by="tester", at=now())
    with device(broker, issued) as one:
        assert one.refusal == ""


def test_when_the_broker_is_away_neither_half_stays(registry: Registry) -> None:
    nowhere = DynamicSecurity(Address("127.0.0.1", 1, "provisioning", "x"))
    with pytest.raises(BrokerUnavailable):
        give(registry, nowhere, A)
    assert [c.state for c in credentials(registry, A)] == ["failed"]
    assert kept_accounts(registry) == []


class Dies(DynamicSecurity):
    """Provisioning that is killed before, or after, the broker has learned of the account."""

    def __init__(self, of: DynamicSecurity, *, after: bool) -> None:
        super().__init__(of._address)
        self._after = after

    def admit(self, accounts: object) -> None:
        if self._after:
            super().admit(accounts)  # type: ignore[arg-type]
        os._exit(9)


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_in_the_middle_is_repaired(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity, after: bool
) -> None:
    before = give(registry, accounts, A)
    registry.engine.dispose()
    child = os.fork()
    if child == 0:
        try:
            give(registry, Dies(accounts, after=after), A)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    states = [c.state for c in credentials(registry, A)]
    assert states == ["pending", "active"]
    half = f"{A}.2"
    assert (half in accounts.listed()) == after
    assert reconcile(registry, accounts, now()).failed == (), "somebody may still be at work"
    done = reconcile(registry, accounts, now() + 2 * GRACE)
    assert done.failed == (half,)
    assert done.removed == ((half,) if after else ())
    assert set(accounts.listed()) == {before.username}
    with device(broker, before) as one:
        assert one.refusal == "", "what was there before goes on"


def test_what_the_broker_has_and_the_registry_has_not_is_removed(
    registry: Registry, accounts: DynamicSecurity
) -> None:
    from schemas import Medium, SensorId

    accounts.admit([NewAccount("stranger", "x" * 20, SensorId("stranger"), Medium.AIR)])
    assert reconcile(registry, accounts, now()).removed == ("stranger",)
    assert accounts.listed() == {}


def test_a_revocation_while_the_broker_is_away_is_made_good(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> None:
    issued = give(registry, accounts, A)
    nowhere = DynamicSecurity(Address("127.0.0.1", 1, "provisioning", "x"))
    assert not revoke(registry, nowhere, A, by="tester", at=now(), why="stolen")
    with device(broker, issued) as one:
        assert reconcile(registry, accounts, now()).removed == (issued.username,)
        assert one.wait_until_thrown_out()


def test_a_broker_that_lost_its_file_is_given_it_again_with_the_old_passwords(
    registry: Registry, accounts: DynamicSecurity, tmp_path: Path
) -> None:
    issued, other = give(registry, accounts, A), give(registry, accounts, B)
    suspend(registry, accounts, B, by="tester", at=now(), why="floods")
    accounts.remove(accounts.listed())
    assert set(reconcile(registry, accounts, now()).lost) == {A, B}
    with production_mosquitto(tmp_path, kept=as_file(kept_accounts(registry))) as fresh:
        with device(fresh, issued) as one, device(fresh, other) as two:
            assert one.refusal == ""
            assert one.publish(issued.topic) in ("Success", "No matching subscribers")
            assert one.publish("onenet/v1/noise/noise-xinan-1/data/json") == "Not authorized"
            assert two.refusal == "Not authorized"
        assert reconcile(registry, fresh.accounts_of_devices, now()).lost == ()


class SometimesAway(DynamicSecurity):
    """A broker that cannot be reached while `away`."""

    away = False

    def _ask(self, commands: Any) -> Any:
        if self.away:
            raise BrokerUnavailable("away")
        return super()._ask(commands)


@pytest.fixture
def followed(
    broker: ProductionBroker, registry: Registry, accounts: DynamicSecurity
) -> Iterator[SometimesAway]:
    """Somebody keeps this broker in step with the registry."""
    ours = SometimesAway(accounts._address)
    follower = Follower(registry, ours, SystemClock())
    thread = threading.Thread(target=follower.run)
    thread.start()
    yield ours
    follower.stop()
    thread.join(30)


def eventually(condition: Callable[[], bool], seconds: float = 60) -> float:
    """Seconds until it held."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "not within patience"
        time.sleep(0.05)
    return time.monotonic() - begun


NOBODY = RegistryIsTheList()
BY_SOMEBODY: dict[str, Callable[[Registry], object]] = {
    "quarantined": lambda r: suspend(r, NOBODY, A, by="tester", at=now(), why="floods"),
    "revoked": lambda r: revoke(r, NOBODY, A, by="tester", at=now(), why="stolen"),
    "retired": lambda r: retire(r, A, by="tester", at=now(), why="worn out"),
}


@pytest.mark.parametrize("away", [False, True], ids=["broker there", "broker away"])
@pytest.mark.parametrize("step", BY_SOMEBODY)
def test_what_the_registry_decides_reaches_the_broker_within_5_s(
    step: str,
    away: bool,
    broker: ProductionBroker,
    registry: Registry,
    accounts: DynamicSecurity,
    followed: SometimesAway,
) -> None:
    """By whom ever: here by somebody without any right at the broker."""
    a, b = give(registry, accounts, A), give(registry, accounts, B)
    with device(broker, a) as one, device(broker, b) as other:
        followed.away = away
        BY_SOMEBODY[step](registry)
        if away:
            time.sleep(2.5)  # it is tried meanwhile, in vain
            assert not one.was_thrown_out()
            followed.away = False
        took = eventually(one.was_thrown_out)
        print(f"{step}: {took:.1f} s")
        assert took < 5
        assert not other.was_thrown_out()
    with device(broker, a) as again:
        assert again.refusal == "Not authorized"
    if step == "quarantined":
        assert resume(registry, NOBODY, A, by="tester", at=now())
        assert eventually(lambda: accounts.listed()[a.username]) < 5


def test_what_failed_half_way_is_taken_back_when_the_broker_is_there_again(
    registry: Registry, accounts: DynamicSecurity, followed: SometimesAway
) -> None:
    class LosesTheAnswer(SometimesAway):
        def admit(self, accounts: Any) -> None:
            super().admit(accounts)
            self.away = followed.away = True
            raise BrokerUnavailable("no answer")

    with pytest.raises(BrokerUnavailable):
        give(registry, LosesTheAnswer(accounts._address), A)
    assert A in accounts.listed(), "this half could not be taken back"
    followed.away = False
    assert eventually(lambda: A not in accounts.listed()) < 5
    assert [c.state for c in credentials(registry, A)] == ["failed"]


def test_two_at_once_do_not_hear_each_others_answers(
    registry: Registry, accounts: DynamicSecurity
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    names = [s.id for s in registry.sensors().values() if s.state != "retired"][:12]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda name: give(registry, accounts, name), names))
    assert set(accounts.listed()) == {issued.username for issued in made}


def test_two_hundred_sensors_are_provisioned_in_one_go(
    registry: Registry, accounts: DynamicSecurity
) -> None:
    station = "st-noise-dongmen"
    raws = [{"serial": f"SN-{n:04d}", "model": "NM-S1", "station": station} for n in range(200)]
    known = known_now(registry, now())
    entries = [entry for raw in raws if (entry := read_entry(raw, known)[0])]
    made = register(registry, entries, by="tester", at=now())
    begun = time.monotonic()
    given = issue(registry, accounts, [m.sensor for m in made], by="tester", at=now())
    print(f"200 sensors provisioned in {time.monotonic() - begun:.1f} s")
    assert len({issued.password for issued in given}) == 200
    assert len(accounts.listed()) == 200


def test_with_mutual_tls_the_certificates_name_is_the_sensor(
    registry: Registry, tmp_path: Path
) -> None:
    with production_mosquitto(tmp_path, mutual=True) as broker:
        accounts = broker.accounts_of_devices
        issued, _ = give(registry, accounts, A), give(registry, accounts, B)
        ca = broker.ca
        signer = Pair(ca.read_text("ascii"), ca.with_suffix(".key").read_text("ascii"))

        def by_certificate(account: str) -> Client:
            pair = make_device(signer, account, now())
            (tmp_path / "device.crt").write_text(pair.certificate, "ascii")
            (tmp_path / "device.key").write_text(pair.key, "ascii")
            files = (str(tmp_path / "device.crt"), str(tmp_path / "device.key"))
            return Client(broker.mutual, ca=ca, certificate=files)

        with by_certificate(A) as one:
            assert one.refusal == ""
            assert one.publish(issued.topic) in ("Success", "No matching subscribers")
            assert one.publish(f"onenet/v1/air/{B}/data/json") == "Not authorized"
        with by_certificate(A) as one:
            revoke(registry, accounts, A, by="tester", at=now(), why="stolen")
            assert one.wait_until_thrown_out()
        with by_certificate(A) as one:
            assert one.publish(issued.topic) == "Not authorized", "left over, it opens nothing"
        with Client(broker.mutual, A, issued.password, ca=ca) as one:
            assert one.refusal is None, "without a certificate there is no connection"
