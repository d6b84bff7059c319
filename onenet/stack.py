"""The embedded stack: everything on this machine, started and stopped in the right order.

broker (in this process) → ingest → console → Airflow → simulated fleet; stopped the other way
round, each drained before the next, so that at the end the books can be compared: what the fleet's
ledger says against what the store holds.
"""

from __future__ import annotations

import json
import secrets
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from rich.console import Console

import dags
from alerts import count_alerts
from network.views import account_totals
from onenet.airflow_env import airflow_environment
from onenet.broker import Account, EmbeddedBroker
from onenet.children import Child
from onenet.demo_people import secret_key, settle, variable
from onenet.gate import RegistryGate
from onenet.init import read_env
from onenet.past import span_of, write_past
from onenet.ports import choose_port
from onenet.reconcile import Published, lost
from registry import Registry, migrate, open_registry, seed_demo_city
from registry.accounts import Accounts, RegistryIsTheList
from registry.credentials import admitted, issue
from schemas import CITY_TIME, Interval, Period, SystemClock
from schemas.registry import Sensor
from storage import Store, open_store

WANTED_PORTS = {"broker": 1883, "console": 8000, "airflow": 8080, "ingest": 9108}
DATA_TOPICS = "onenet/v1/+/+/+/+"
FRAME_TOPICS = "onenet/v1/+/+/data/hj212"
ALERT_TOPICS = "onenet/v1/alerts/+/+"
LIVE_CADENCE_SCALE = 0.05  # a sensor of five minutes speaks every 15 s, so that the board lives
DRAIN_S = 60.0
PATIENCE_S = 2.0  # one Ctrl-C may arrive twice: from the terminal, and passed on by who started us
BAR_WIDTH = 24


@dataclass(frozen=True, slots=True)
class StackOptions:
    """for_s: stop by itself after so many seconds; 0 = never. year: write a made-up one first."""

    home: Path
    report: Path
    history_days: float = 30
    year: bool = False
    for_s: float = 0
    airflow: bool = True
    ports: dict[str, int] = field(default_factory=lambda: dict(WANTED_PORTS))


class Stack:
    def __init__(self, options: StackOptions, out: Console) -> None:
        self._options = options
        self._out = out
        self._begun = time.monotonic()
        self._stop = threading.Event()
        self._asked = 0.0
        self._children: dict[str, Child] = {}
        self._passwords = {
            name: secrets.token_urlsafe(24) for name in ("ingest", "gateway", "alerts", "operator")
        }
        self._ports: dict[str, int] = {}
        self._people: dict[str, str] = {}

    def run(self) -> int:
        """Start, watch, stop, reconcile. Returns the exit code: 0 when nothing was lost."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        self._choose_ports()
        home = self._options.home
        migrate(self._registry_url)
        registry, store = open_registry(self._registry_url), open_store(self._store_url)
        try:
            if not registry.sensors():
                seed_demo_city(registry)
            self._people = settle(registry, self._old_environment(), at=datetime.now(UTC))
            if self._options.year and not (home / "ledger.json").exists():
                self._write_year(store, registry)
            write_fleet(registry, home / "fleet.json", RegistryIsTheList())
            gate = RegistryGate(registry, SystemClock(), notes=True)
            broker = EmbeddedBroker(self._ports["broker"], self._accounts(), gate)
            broker.start()
            try:
                self._start_children()
                self._tell_where()
                self._watch(store)
            finally:
                self._stop_children(broker)
                broker.stop()
            return self._reconcile(store, registry)
        finally:
            store.close()
            registry.close()

    def _write_year(self, store: Store, registry: Registry) -> None:
        """A made-up past up to the day in which the history begins."""
        today = datetime.now(CITY_TIME).date()
        end = today - timedelta(days=int(self._options.history_days) - 1)
        with self._out.status("a year …") as status:
            done = write_past(
                span_of(today, end),
                store=store,
                registry=registry,
                say=lambda text: status.update(f"{self._elapsed():4.0f} s  a year: {text}"),
            )
        self._out.print(f"a year: {done.taken.stored:,} readings of {done.loggers} loggers")

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._stop.is_set() and time.monotonic() - self._asked > PATIENCE_S:
            raise KeyboardInterrupt  # asked again: at once; the kernel ends the children
        if not self._stop.is_set():
            self._asked = time.monotonic()
        self._stop.set()

    # Where things are

    @property
    def _store_url(self) -> str:
        return f"sqlite:///{self._options.home}/observations.db"

    @property
    def _registry_url(self) -> str:
        return f"sqlite:///{self._options.home}/registry.db"

    def _choose_ports(self) -> None:
        taken: set[int] = set()
        for name, wanted in self._options.ports.items():
            port = self._ports[name] = choose_port(wanted, taken=taken)
            if port != wanted:
                self._out.print(f"[yellow]port {wanted} is busy; {name} takes {port}[/yellow]")

    def _accounts(self) -> dict[str, Account]:
        rights = {
            "ingest": Account("", subscribe=(DATA_TOPICS,)),
            "gateway": Account("", publish=(FRAME_TOPICS,)),
            "alerts": Account("", publish=(ALERT_TOPICS,)),
            "operator": Account("", publish=(DATA_TOPICS,), subscribe=(ALERT_TOPICS,)),
        }
        return {
            name: Account(self._passwords[name], account.publish, account.subscribe)
            for name, account in rights.items()
        }

    def _environment(self, account: str) -> dict[str, str]:
        return {
            "ONENET_STORE_URL": self._store_url,
            "ONENET_REGISTRY_URL": self._registry_url,
            "ONENET_MQTT_HOST": "127.0.0.1",
            "ONENET_MQTT_PORT": str(self._ports["broker"]),
            "ONENET_MQTT_USERNAME": account,
            "ONENET_MQTT_PASSWORD": self._passwords.get(account, ""),
            "ONENET_BROKER_KIND": "embedded",
            "ONENET_MQTT_VERSION": "4",
            "ONENET_INGEST_PORT": str(self._ports["ingest"]),
            "ONENET_CONSOLE_PORT": str(self._ports["console"]),
            "ONENET_SECRET_KEY": secret_key(self._options.home),
            "ONENET_REPORTS_DIR": str(self._options.home / "reports"),
            "ONENET_RAW_ARCHIVE": str(self._options.home / "raw"),
        }

    # Children

    def _start_children(self) -> None:
        self._start("ingest", [*_US, "ingest"], self._environment("ingest"))
        self._start("alerts", [*_US, "alerts", "deliver"], self._environment("alerts"))
        self._start("console", [*_US, "console"], self._environment("operator"))
        if self._options.airflow:
            airflow = airflow_environment(
                self._options.home / "airflow",
                dags=Path(dags.__file__).parent,
                port=self._ports["airflow"],
                demo=True,
            )
            command = [str(Path(sys.executable).parent / "airflow"), "standalone"]
            self._start("airflow", command, airflow | self._environment("alerts"))
        self._wait_until_ingest_listens()
        home = self._options.home
        fleet = [*_US, "simulate", "--fleet", str(home / "fleet.json")]
        fleet += ["--port", str(self._ports["broker"]), "--mqtt-version", "4"]
        fleet += ["--history", str(self._options.history_days), "--faults", "demo"]
        fleet += ["--ledger", str(home / "ledger.json"), "--labels", str(home / "labels.jsonl")]
        fleet += ["--cadence-scale", str(LIVE_CADENCE_SCALE), "--progress-json"]
        self._start("fleet", fleet, self._environment(""))
        self._write_environment_file()

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        logs = self._options.home / "logs"
        self._children[name] = Child(name, command, env=environment, logs=logs)

    def _wait_until_ingest_listens(self) -> None:
        """Its session must exist before the first reading: what nobody subscribes to is gone."""
        end = time.monotonic() + 60
        url = f"http://127.0.0.1:{self._ports['ingest']}/healthz"
        while time.monotonic() < end:
            try:
                if httpx.get(url, timeout=1).json()["subscribed"]:
                    return
            except (httpx.HTTPError, KeyError):
                pass
            if not self._children["ingest"].running():
                break
            time.sleep(0.1)
        raise OSError("ingest did not start:\n" + self._children["ingest"].last_words())

    def _write_environment_file(self) -> None:
        """For other shells: `. run/demo.env`, then any onenet command works on this demo."""
        path = self._options.home / "demo.env"
        path.touch(mode=0o600)
        path.chmod(0o600)
        values = self._environment("operator")
        values |= {variable(login): password for login, password in self._people.items()}
        lines = [f"export {key}='{value}'" for key, value in values.items()]
        path.write_text("\n".join(lines) + "\n", "utf-8")

    def _old_environment(self) -> dict[str, str]:
        path = self._options.home / "demo.env"
        return read_env(path.read_text("utf-8")) if path.exists() else {}

    def _stop_children(self, broker: EmbeddedBroker) -> None:
        self._out.print("stopping: fleet, then what is on its way, then the rest …")
        if "fleet" in self._children:
            self._children.pop("fleet").stop(DRAIN_S)
        end = time.monotonic() + DRAIN_S
        while broker.pending() and time.monotonic() < end:
            time.sleep(0.1)
        patience = {"ingest": DRAIN_S, "airflow": 20.0, "alerts": 20.0, "console": 5.0}
        for name, patience_s in patience.items():
            if name in self._children:
                self._children.pop(name).stop(patience_s)

    # What the user sees

    def _tell_where(self) -> None:
        say = self._out.print
        say(f"[bold]One Network 一張網[/bold]  board: http://127.0.0.1:{self._ports['console']}/")
        for login, password in self._people.items():
            say(f"log in as {login}: {password}", markup=False, highlight=False)
        if self._options.airflow:
            say(f"Airflow: http://127.0.0.1:{self._ports['airflow']}/  (takes half a minute)")
        say(f"broker: 127.0.0.1:{self._ports['broker']}  logs: {self._options.home}/logs")
        say(f"other shells: . {self._options.home}/demo.env && onenet deadletters list")
        say("Ctrl-C stops everything.")

    def _watch(self, store: Store) -> None:
        with self._out.status("starting …") as status:
            last_line = 0.0
            while not self._stop.wait(1.0):
                line = self._counters(store)
                status.update(line)
                if not self._out.is_terminal and time.monotonic() - last_line > 10:
                    self._out.print(line, highlight=False)
                    last_line = time.monotonic()
                for name, child in self._children.items():
                    if not child.running():
                        self._out.print(f"[red]{name} ended:[/red]\n{child.last_words()}")
                        self._stop.set()
                if self._options.for_s and self._elapsed() >= self._options.for_s:
                    return

    def _counters(self, store: Store) -> str:
        progress = _last_progress(self._children["fleet"].log)
        account = account_totals(store, datetime.now(UTC))
        phase = progress.get("phase", "starting")
        if phase == "history" and progress.get("total"):
            phase = f"history {_bar(progress['published'] / progress['total'])}"
        runs = ", ".join(f"{state} {n}" for state, n in self._dag_runs_by_state().items())
        return (
            f"{self._elapsed():4.0f} s  {phase}  published {progress.get('published', 0):,}"
            f"  stored {account.stored:,}  duplicates {account.duplicate:,}"
            f"  dead-lettered {account.dead_lettered:,}  DAG runs: {runs or 'none yet'}"
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _dag_runs(self) -> dict[str, dict[str, int]]:
        """DAG runs by DAG and state, read from Airflow's own database."""
        database = self._options.home / "airflow" / "airflow.db"
        found: dict[str, dict[str, int]] = {}
        if not database.exists():
            return found
        try:
            db = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=1)
            rows = db.execute(
                "SELECT dag_id, state, count(*) FROM dag_run GROUP BY 1, 2"
            ).fetchall()
            db.close()
        except sqlite3.OperationalError:  # not migrated yet, or busy
            return found
        for dag_id, state, number in rows:
            found.setdefault(dag_id, {})[state] = number
        return found

    def _dag_runs_by_state(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for states in self._dag_runs().values():
            for state, number in states.items():
                total[state] = total.get(state, 0) + number
        return total

    # The books

    def _reconcile(self, store: Store, registry: Registry) -> int:
        published = published_of(self._options.home / "ledger.json")
        stored = store.count_readings()
        missing = lost(published, stored, registry.dead_letters_by_sensor())
        report = {
            "published": published.total,
            "stored": sum(stored.values()),
            "duplicates": account_totals(store, datetime.now(UTC)).duplicate,
            "dead_lettered": registry.dead_letter_counts(),
            "lost": missing.total,
            "lost_by_sensor": dict(missing.readings),
            "hourly_aggregates": sum(_rows_by_day(store)),
            "alerts_opened": count_alerts(registry),
            "dag_runs": self._dag_runs(),
            "seconds": round(self._elapsed(), 1),
        }
        self._options.report.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        self._out.print_json(data=report)
        self._out.print(f"written to {self._options.report}")
        return 0 if missing.total == 0 else 1


_US = [sys.executable, "-m", "onenet"]


def write_fleet(registry: Registry, path: Path, accounts: Accounts | None = None) -> None:
    """Every sensor that the demo plays, for the simulator.

    accounts: where each is given credentials of its own, which then stand in the file; those of
    an earlier file that still hold are kept. Without it the fleet needs an account for all.
    """
    played = [
        sensor
        for sensor in registry.sensors().values()
        if sensor.source is not None and sensor.state != "retired"
    ]
    given = {} if accounts is None else _credentials(registry, path, played, accounts)
    path.unlink(missing_ok=True)  # an older file may be readable by others
    path.touch(mode=0o600)
    content = [
        {
            "id": sensor.id,
            "medium": sensor.medium,
            "source": sensor.source,
            "cadence_s": sensor.cadence_s,
            "parameters": sensor.parameters,
            **given.get(sensor.id, {}),
        }
        for sensor in played
    ]
    path.write_text(json.dumps(content, indent=1), "utf-8")


def _credentials(
    registry: Registry, path: Path, played: Sequence[Sensor], accounts: Accounts
) -> dict[str, dict[str, str]]:
    """User name and password of each sensor: of the file where they still hold, else new ones."""
    now = datetime.now(UTC)
    kept: dict[str, dict[str, str]] = {}
    for entry in json.loads(path.read_text("utf-8")) if path.exists() else []:
        name, password = entry.get("username", ""), entry.get("password", "")
        owner = admitted(registry, name, password, now) if name else None
        if owner is not None and owner.sensor == entry["id"]:
            kept[entry["id"]] = {"username": name, "password": password}
    missing = [sensor.id for sensor in played if sensor.id not in kept]
    made = issue(registry, accounts, missing, by="system:demo", at=now, overlap=timedelta(0))
    fresh = {str(new.sensor): {"username": new.username, "password": new.password} for new in made}
    return {**kept, **fresh}


def published_of(path: Path) -> Published:
    sensors = json.loads(path.read_text("utf-8"))["sensors"] if path.exists() else {}
    return Published(
        distinct={sensor: tally["distinct"] for sensor, tally in sensors.items()},
        repeats={sensor: tally["repeats"] for sensor, tally in sensors.items()},
        refused={sensor: tally["refused"] for sensor, tally in sensors.items()},
    )


def _bar(share: float) -> str:
    """How far, as a bar and in percent."""
    full = round(min(share, 1.0) * BAR_WIDTH)
    return f"{'█' * full}{'░' * (BAR_WIDTH - full)} {100 * share:.0f} %"


def _rows_by_day(store: Store) -> Iterator[int]:
    """Rows of hourly aggregates, day by day, for a month at once would not fit a small machine."""
    now = datetime.now(UTC)
    for days_ago in range(36):
        end = now - timedelta(days=days_ago)
        window = Interval(end - timedelta(days=1), end)
        yield store.read_aggregates(window, period=Period.HOUR).height


def _last_progress(log: Path) -> dict[str, Any]:
    """The newest progress line of the fleet."""
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 4096))
        lines = file.read().decode("utf-8", "replace").splitlines()
    for line in reversed(lines):
        if line.startswith("{"):
            try:
                parsed: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            return parsed
    return {}
