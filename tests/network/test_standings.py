"""What Grafana is told of credit, soil and certificates is what the views and the servers say."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from network.standings import look_at_certificates, note_round, stand
from network.views import facilities, soil_view
from onenet.certificates import make_authority, make_server
from registry import Registry
from registry.models import StandingRow
from registry.standings import standings
from schemas import Level, Period
from storage import Store
from tests.network.test_views import NOW, YESTERDAY, Rows

SITE = "st-noise-yuehai"


def test_credit_and_soil_are_those_of_the_views(
    open_store_at: Callable[[str], Store], registry: Registry
) -> None:
    store = open_store_at("standings")
    for hour in YESTERDAY.hours():
        Rows(store).write(Level.STATION, SITE, Period.HOUR, hour.start, {"laeq": 78.0})
    assert stand(NOW, store=store, registry=registry)["noise_credit"] == 3
    credit = standings(registry, "noise_credit")
    value = credit[SITE].value
    assert value is not None
    assert 0 < value < 100
    for facility in facilities(store=store, registry=registry, now=NOW):
        kept = credit.pop(facility.station.id)
        score = facility.credit.score
        assert kept.value == (None if score is None else float(score))
    assert credit == {}
    soil = standings(registry, "soil_risk")
    view = soil_view(registry=registry, now=NOW)
    assert {name: one.grade for name, one in soil.items()} == {
        plot.station.id: plot.standing for plot in view.plots
    }
    assert {plot.standing for plot in view.plots} >= {"high", "low"}
    assert {one.day for one in soil.values()} == {plot.day for plot in view.plots}


def test_standings_are_made_anew_and_never_twice(
    open_store_at: Callable[[str], Store], registry: Registry
) -> None:
    store = open_store_at("standings")
    first = stand(NOW, store=store, registry=registry)
    with registry.session.begin() as session:
        session.add(StandingRow(kind="soil_risk", subject="gone", grade="low", label="", made=NOW))
    assert stand(NOW + timedelta(days=1), store=store, registry=registry) == first
    assert "gone" not in standings(registry, "soil_risk")
    assert len(standings(registry, "soil_risk")) == first["soil_risk"]


def test_a_round_is_noted_for_its_dag_alone(registry: Registry) -> None:
    note_round("alert_thresholds", NOW, registry=registry)
    note_round("network_health", NOW, registry=registry)
    note_round("alert_thresholds", NOW + timedelta(minutes=1), registry=registry)
    assert set(standings(registry, "round")) == {"alert_thresholds", "network_health"}
    with registry.session() as session:
        made = {row.subject: row.made for row in session.scalars(select(StandingRow))}
    assert made == {"alert_thresholds": NOW + timedelta(minutes=1), "network_health": NOW}


@contextmanager
def tls_server(folder: Path, made: datetime) -> Iterator[str]:
    """The address of a server that shows a certificate of ours, made at a moment."""
    pair = make_server(make_authority(made), ["localhost"], made)
    (folder / "server.pem").write_text(pair.certificate + pair.key, "utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                plain, _ = listening.accept()
                with context.wrap_socket(plain, server_side=True) as secret:
                    secret.recv(1)
            except OSError:
                pass  # the other side has left

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    thread.join(5)


def test_a_file_of_a_certificate_is_watched_too(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_text(make_authority(NOW).certificate, "ascii")
    gone = f"{tmp_path}/gone.crt"
    later = NOW + timedelta(days=3625)
    found = look_at_certificates([str(path), gone], later, registry=registry)
    assert found == {str(path): 25.0, gone: None}


def test_a_certificates_days_are_those_that_its_server_shows(
    registry: Registry, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    with tls_server(tmp_path, now) as address:
        found = look_at_certificates([address], now, registry=registry)
    days = found[address]
    assert days is not None
    assert days > 300
    assert standings(registry, "certificate")[address].value == days


def test_a_server_that_is_not_there_or_speaks_no_tls_is_told_apart(registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = f"127.0.0.1:{silent.getsockname()[1]}"
    found = look_at_certificates([nobody], NOW, registry=registry)
    assert found == {nobody: None}
    assert standings(registry, "certificate")[nobody].grade == "unknown"


@pytest.mark.parametrize("address", ["mosquitto", "mosquitto:", ":8883", "a:0", "a:70000", "a:b"])
def test_what_is_no_address_is_named(address: str, registry: Registry) -> None:
    with pytest.raises(ValueError, match="is no host:port"):
        look_at_certificates([address], NOW, registry=registry)
