"""`onenet simulate`: any number of sensors against any broker, past and present.

History first, as fast as the broker takes it, as devices send a backlog; then live, one reading at
a time. Registered as a command by onenet/cli.py; `python -m simulators.cli` does the same alone.
"""

from __future__ import annotations

import heapq
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from schemas import Medium
from simulators.faults import Fault, Script, check_faults, demo_faults, load_faults
from simulators.fleet import Device, load_fleet, made_up_fleet
from simulators.ledger import Ledger
from simulators.messages import History, messages_of, statuses
from simulators.obedience import Settings, obey, vitals
from simulators.publisher import Address
from simulators.switchboard import Switchboard
from simulators.weather import Weather

SAVE_EVERY_S = 1.0
DRAIN_S = 20.0
DAY_S = 86_400


class Run:
    """One run of a fleet against a broker; stops at a signal or after its time."""

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        ledger: Ledger,
        script: Script,
        weather: Weather,
        report: Callable[[str, int, int], None],
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._devices = devices
        self._ledger = ledger
        self._script = script
        self._weather = weather
        self._report = report
        self._stop = threading.Event()
        self._saved = 0.0

    def stop(self, *_: object) -> None:
        self._stop.set()

    def history(self, publisher: Switchboard, history: History) -> None:
        """Publish the past; waits at the end until all of it is acknowledged."""
        total = self._ledger.readings + history.expected()
        for message in history:
            if self._stop.is_set():
                break
            publisher.publish(message)
            self._keep("history", total)
        publisher.drain(DRAIN_S)
        self._keep("history", total, now=True)

    def live(
        self, publisher: Switchboard, *, speed: float, cadence_scale: float, until: float
    ) -> None:
        """Publish the present until stopped. speed: how fast recordings and emulators move on."""
        begun = time.time()
        due = [
            (begun + index / len(self._devices) * min(5.0, device.cadence_s), index)
            for index, device in enumerate(self._devices)
        ]
        heapq.heapify(due)
        while not self._stop.is_set() and time.time() < until:
            at, index = due[0]
            wait = at - time.time()
            if wait > 0:
                self._stop.wait(min(wait, 0.25))
                self._keep("live", 0)
                continue
            device, now = self._devices[index], time.time()
            values = device.at(begun + (now - begun) * speed, self._weather)
            sending = self._script.apply(device, round(now, 3), values)
            if values and not sending.held:
                for message in messages_of(device, [sending], now, vitals(device, now)):
                    publisher.publish(message)
            while self._settings.outbox:
                publisher.publish(self._settings.outbox.pop(0))
            told = self._settings.intervals.get(device.id)
            every = max(1.0, told or device.cadence_s * cadence_scale)
            heapq.heapreplace(due, (at + every, index))
        publisher.drain(DRAIN_S)
        self._keep("live", 0, now=True)

    def _keep(self, phase: str, total: int, *, now: bool = False) -> None:
        if now or time.monotonic() - self._saved > SAVE_EVERY_S:
            self._ledger.save()
            self._report(phase, self._ledger.readings, total)
            self._saved = time.monotonic()


def simulate(
    host: Annotated[str, typer.Option(help="The broker's host.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The broker's port.")] = 1883,
    username: Annotated[str, typer.Option(envvar="ONENET_MQTT_USERNAME")] = "",
    password: Annotated[
        str, typer.Option(envvar="ONENET_MQTT_PASSWORD", help="Better by env.")
    ] = "",
    tls_ca: Annotated[str, typer.Option(help="CA certificate; turns TLS on.")] = "",
    mqtt_version: Annotated[int, typer.Option(help="5, or 4 for MQTT 3.1.1.")] = 5,
    fleet: Annotated[
        Path | None,
        typer.Option(
            help="JSON list of devices: id, medium, source, cadence_s, parameters; where they "
            "have accounts of their own, username and password."
        ),
    ] = None,
    sensors: Annotated[int, typer.Option(min=1, help="Without --fleet: make up so many.")] = 10,
    medium: Annotated[
        list[Medium] | None, typer.Option(help="Without --fleet: of these media, in turn.")
    ] = None,
    history: Annotated[
        float, typer.Option(min=0, max=34, help="Days of the past to send first.")
    ] = 0,
    live: Annotated[bool, typer.Option(help="Go on with the present.")] = True,
    speed: Annotated[float, typer.Option(min=0.01, help="Live: time runs so much faster.")] = 1.0,
    cadence_scale: Annotated[
        float, typer.Option(min=0.001, help="Live: 0.1 sends ten times as often.")
    ] = 1.0,
    batch: Annotated[int, typer.Option(min=1, max=500, help="History: readings a message.")] = 100,
    faults: Annotated[
        str, typer.Option(help="YAML script of faults, or 'demo' for the built-in one.")
    ] = "",
    labels: Annotated[
        Path | None, typer.Option(help="Write what went wrong, as JSON lines.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Count what the broker took; a second run goes on from it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another city's weather.")] = 1,
    for_s: Annotated[
        float, typer.Option("--for", help="Stop after so many seconds; 0 = never.")
    ] = 0,
    progress_json: Annotated[bool, typer.Option(help="Progress as JSON lines on stdout.")] = False,
) -> None:
    """Play sensors against a broker: believable values, real recordings, scripted faults.

    Ten made-up sensors, live:        onenet simulate --port 1883
    A thousand, a month of past:      onenet simulate --sensors 1000 --history 30 --no-live
    The same faults every time:       onenet simulate --faults demo --labels labels.jsonl
    """
    devices = load_fleet(fleet) if fleet else made_up_fleet(sensors, medium or list(Medium))
    now = time.time()
    kept = Ledger(ledger)
    if kept.started_ms is None:
        kept.started_ms = int((now - history * DAY_S) * 1000)
    begun = kept.started_ms / 1000
    script = Script(_faults(faults, devices), begun)
    if labels is not None:
        script.write_labels(labels)
    address = Address(host, port, username, password, tls_ca, mqtt_version)
    with Reporter(progress_json) as report:
        weather = Weather(seed)
        settings = Settings()
        run = Run(
            devices, ledger=kept, script=script, weather=weather, report=report, settings=settings
        )
        publisher = Switchboard(
            address,
            kept,
            f"simulator-{os.getpid()}",
            devices,
            session=int(now),
            obey=partial(obey, settings, time.time),
        )

        def stop(*_: object) -> None:
            run.stop()
            publisher.leave()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        with publisher:
            for message in statuses(devices, "online", int(now)):
                publisher.publish(message)
            if history:
                past = History(
                    devices,
                    weather=weather,
                    script=script,
                    ledger=kept,
                    start_s=now - history * DAY_S,
                    end_s=now,
                    batch=batch,
                )
                run.history(publisher, past)
            if live:
                until = now + for_s if for_s else float("inf")
                run.live(publisher, speed=speed, cadence_scale=cadence_scale, until=until)
            for message in statuses(devices, "offline", int(now)):
                publisher.publish(message)
            left = publisher.drain(DRAIN_S)
    if left:
        raise ConnectionError(f"{left} messages were not acknowledged by the broker")


def _faults(name: str, devices: Sequence[Device]) -> list[Fault]:
    if not name:
        return []
    found = demo_faults(devices) if name == "demo" else load_faults(Path(name))
    check_faults(found, devices)
    return found


class Reporter:
    """Progress for people (a bar) or for a program (JSON lines)."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            disable=as_json or not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("history", total=None)

    def __enter__(self) -> Callable[[str, int, int], None]:
        self._bar.start()
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _tell(self, phase: str, published: int, total: int) -> None:
        if self._as_json:
            print(json.dumps({"phase": phase, "published": published, "total": total}), flush=True)
        self._bar.update(self._task, description=phase, completed=published, total=total or None)


if __name__ == "__main__":
    typer.run(simulate)
