"""Two consoles as processes on one PostgreSQL: a visitor may be sent to either at every request."""

from __future__ import annotations

import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

import alerts as alerting
from onenet.children import Child
from registry import Registry, migrate, open_registry, seed_demo_city
from schemas.people import Role
from storage import open_store
from tests import postgres
from tests.brokers import free_port
from tests.console.visiting import PASSWORD, admit, csrf_of, log_in, send
from tests.network.alerted import add_alert
from tests.parts import need

PATIENCE_S = 120.0


@dataclass(frozen=True)
class TwoConsoles:
    one: str
    other: str
    registry: Registry


@pytest.fixture(scope="module")
def consoles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoConsoles]:
    need("postgresql", postgres.available() and shutil.which("psql") is not None)
    home = tmp_path_factory.mktemp("consoles")
    with postgres.postgres(home) as server:
        owner = postgres.url(server, "registry", "registry")
        migrate(owner)
        registry = open_registry(owner)
        seed_demo_city(registry)
        store_url = f"sqlite:///{home}/observations.db"
        open_store(store_url).close()
        ports = [free_port(), free_port()]
        children = [
            Child(
                f"console-{port}",
                [sys.executable, "-m", "onenet", "console"],
                env={
                    "ONENET_REGISTRY_URL": postgres.url(server, "registry_console", "registry"),
                    "ONENET_STORE_URL": store_url,
                    "ONENET_SECRET_KEY": server["CONSOLE_SECRET_KEY"],
                    "ONENET_CONSOLE_PORT": str(port),
                    "ONENET_CONSOLE_URL": "http://127.0.0.1",
                    "ONENET_BROKER_KIND": "embedded",
                    "ONENET_REPORTS_DIR": str(home / "reports"),
                },
                logs=home,
            )
            for port in ports
        ]
        try:
            for port, child in zip(ports, children, strict=True):
                wait_until_healthy(port, child)
            yield TwoConsoles(*(f"http://127.0.0.1:{port}" for port in ports), registry)
        finally:
            for child in children:
                child.stop(10)
            registry.close()


def wait_until_healthy(port: int, child: Child) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert child.running(), child.last_words()
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(child.last_words())


def browser() -> httpx.Client:
    """Cookies know no port, so both consoles are one site to it, as behind a proxy."""
    return httpx.Client(timeout=60)


def test_who_logs_in_at_one_is_known_to_the_other(consoles: TwoConsoles) -> None:
    admit(consoles.registry, "keeper", Role.OPERATOR)
    with browser() as client:
        form = send(
            client,
            f"{consoles.other}/login",
            form_of=f"{consoles.one}/login",
            name="keeper",
            password=PASSWORD,
        )
        assert form.status_code == 303, "a form of one is taken by the other"
        for address in (consoles.one, consoles.other):
            assert client.get(f"{address}/account").status_code == 200
        out = send(client, f"{consoles.one}/logout", form_of=f"{consoles.other}/account")
        assert out.status_code == 303
        for address in (consoles.one, consoles.other):
            answer = client.get(f"{address}/account", follow_redirects=False)
            assert answer.status_code == 303, "and out at one is out at both"


def test_a_forged_form_is_refused_by_both(consoles: TwoConsoles) -> None:
    admit(consoles.registry, "keeper", Role.OPERATOR)
    with browser() as client:
        client.base_url = httpx.URL(consoles.one)
        assert log_in(client, "keeper").status_code == 303
        for address in (consoles.one, consoles.other):
            assert client.post(f"{address}/logout", data={"csrf": "guess"}).status_code == 403
            assert client.get(f"{address}/account").status_code == 200


def test_failures_at_both_are_counted_together(consoles: TwoConsoles) -> None:
    """Five lock an account; guessing at each console in turn must not give ten."""
    admit(consoles.registry, "guessed", Role.TECHNICIAN)

    def guess(address: str, password: str) -> int:
        with browser() as client:
            client.base_url = httpx.URL(address)
            return log_in(client, "guessed", password).status_code

    for number in range(5):
        assert guess((consoles.one, consoles.other)[number % 2], "not this one") == 401
    assert guess(consoles.one, PASSWORD) == 429
    assert guess(consoles.other, PASSWORD) == 429


def test_what_happens_at_one_is_told_live_by_the_other(consoles: TwoConsoles) -> None:
    started = datetime.now(UTC) - timedelta(minutes=20)
    add_alert(consoles.registry, sensor="noise-dongmen-1", severity="red", started=started)
    (alert,) = alerting.alerts(consoles.registry, station="st-noise-dongmen", limit=5)
    admit(consoles.registry, "officer", Role.ENFORCEMENT)
    told: list[str] = []
    heard = threading.Condition()

    with browser() as client:
        client.base_url = httpx.URL(consoles.one)
        assert log_in(client, "officer").status_code == 303

        def listen() -> None:
            with client.stream("GET", f"{consoles.one}/alerts/events") as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        with heard:
                            told.append(line)
                            heard.notify_all()
                        if len(told) == 2:
                            return

        listener = threading.Thread(target=listen)
        listener.start()
        with heard:
            assert heard.wait_for(lambda: len(told) == 1, PATIENCE_S), "the list as it is"

        page = client.get(f"{consoles.other}/alerts/{alert.id}").text
        seen = re.search(r'name="seen" value="(\d+)"', page)
        form = {"csrf": csrf_of(page), "move": "acknowledge", "seen": seen[1] if seen else ""}
        moved = client.post(f"{consoles.other}/alerts/{alert.id}/moves", data=form)
        assert moved.status_code == 303, moved.text
        with heard:
            assert heard.wait_for(lambda: len(told) == 2, PATIENCE_S), "the list as it became"
        listener.join(PATIENCE_S)
        # The same form again, at the other: it was done once and stays so.
        client.post(f"{consoles.one}/alerts/{alert.id}/moves", data=form)
        moves = [event.move for event in alerting.alert_events(consoles.registry, alert.id)]
        assert moves.count("acknowledge") == 1
