"""Who may enter and do what, one table: it holds at every broker that we can stand on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.deploy.everybody import (
    BROKERS,
    ENTER,
    ENTER_AS_SERVICE,
    FRESH,
    OF_SERVICES,
    SENSORS,
    AtBroker,
    AtGate,
    Case,
    at_gate,
)

pytestmark = pytest.mark.mosquitto

# The embedded broker's services are the demo's: no shared subscriptions, rights of their own.
FOR_SERVICES = ("mosquitto", "emqx")


@pytest.fixture(scope="module")
def at(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AtBroker]:
    with BROKERS[request.param](tmp_path_factory.mktemp(request.param)) as broker:
        yield broker


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtGate]:
    with at_gate(tmp_path_factory.mktemp("gate")) as found:
        yield found


@pytest.mark.parametrize("at", BROKERS, indirect=True)
@pytest.mark.parametrize("who", ENTER)
def test_who_enters(at: AtBroker, who: str) -> None:
    assert at.enters(who) is ENTER[who]


@pytest.mark.parametrize("at", FOR_SERVICES, indirect=True)
@pytest.mark.parametrize("who", ENTER_AS_SERVICE)
def test_which_service_enters(at: AtBroker, who: str) -> None:
    assert at.enters(who) is ENTER_AS_SERVICE[who]


@pytest.mark.parametrize("at", BROKERS, indirect=True)
@pytest.mark.parametrize("case", SENSORS, ids=str)
def test_what_a_sensor_may(at: AtBroker, case: Case) -> None:
    assert at.may(case) is case.may


@pytest.mark.parametrize("at", FOR_SERVICES, indirect=True)
@pytest.mark.parametrize("case", OF_SERVICES, ids=str)
def test_what_a_service_may(at: AtBroker, case: Case) -> None:
    assert at.may(case) is case.may


def test_an_account_that_is_being_replaced_is_let_in_until_its_day_ends(gate: AtGate) -> None:
    """EMQX then disconnects it by itself."""
    ends = datetime.fromtimestamp(gate.ask(f"{FRESH} by its old account")["expire_at"], UTC)
    left = ends - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert "expire_at" not in gate.ask(f"{FRESH} by its new account")
