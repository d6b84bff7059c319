"""A sensor's life on PostgreSQL, by the role that the console has there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry import Registry
from registry.accounts import RegistryIsTheList
from registry.calibrations import calibrate, due_calibrations
from registry.commands import answered, order, orders, send_commands
from registry.contacts import Contact, contact, keep
from registry.credentials import admitted, issue, revoke
from registry.devices import commission, known_now, register, retire
from registry.entries import read_entry
from registry.follow import reconcile
from registry.life import history
from registry.maintenance import begin_maintenance, end_maintenance, suppressed
from registry.work_orders import close_order, open_order, work_orders
from schemas.wire import Reply
from tests.deploy.test_databases import console, server

__all__ = ["console", "server"]

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LIST = RegistryIsTheList()


def test_from_registration_to_retirement(console: Registry) -> None:
    raw = {"serial": "SN-PG-1", "model": "NM-S1", "station": "st-noise-dongmen"}
    entry, _ = read_entry(raw, known_now(console, NOW))
    assert entry is not None
    sensor = register(console, [entry], by="li", at=NOW)[0].sensor
    (issued,) = issue(console, LIST, [sensor], by="li", at=NOW)
    assert admitted(console, issued.username, issued.password, NOW) is not None

    keep(console, {sensor: Contact(state="online", heard=NOW, session=2**40, battery=3.9)})
    keep(console, {sensor: Contact(rssi=-70.0)})
    known = contact(console, sensor)
    assert known is not None
    assert (known.state, known.session, known.battery, known.rssi) == ("online", 2**40, 3.9, -70.0)

    commission(console, sensor, checks=[], by="li", at=NOW)
    calibrate(
        console, sensor, parameter="laeq", kind="span", reference=94, found=94.1, by="li", at=NOW
    )
    assert [d.sensor for d in due_calibrations(console, NOW + timedelta(days=365))] == [sensor]
    begin_maintenance(console, sensor, start=NOW, end=None, reason="x", by="li", at=NOW)
    assert suppressed(console, sensor, NOW)
    end_maintenance(console, sensor, by="li", at=NOW + timedelta(hours=1))

    number = order(console, sensor, "restart", {}, by="li", at=NOW)
    send_commands(console, lambda *_: True, NOW)
    answered(console, [(sensor, Reply(id=number, state="done"))], NOW)
    assert orders(console, sensor, NOW)[0].state == "done"

    opened = open_order(console, sensor, "silent", facts={}, due=NOW, by="x", at=NOW)
    assert opened is not None
    assert open_order(console, sensor, "silent", facts={}, due=NOW, by="x", at=NOW) is None
    close_order(console, opened, by="li", at=NOW, resolution="done")
    assert work_orders(console, sensor=sensor) == []

    retire(console, sensor, by="li", at=NOW, why="worn out")
    revoke(console, LIST, sensor, by="li", at=NOW, why="worn out")
    assert admitted(console, issued.username, issued.password, NOW) is None
    assert reconcile(console, LIST, NOW).lost == ()
    assert len(history(console, sensor)) >= 10
