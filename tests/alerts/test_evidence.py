"""What evidence holds of an alert, what it says it lacks, and the chain that it is kept in."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy.exc import DBAPIError

import alerts.evidence.gather as gathering
import alerts.evidence.parts as parts_module
from alerts import Move, NoSuchAlert, Router, act, add_photo, alerts, load_rules
from alerts.evidence import (
    Evidence,
    evidence,
    evidence_of,
    freeze,
    freeze_due,
    known,
    verify,
    verify_chain,
)
from alerts.evidence.bundle import sha256
from alerts.evidence.devices import life_of
from alerts.evidence.facts import Facts
from alerts.evidence.gather import gather
from alerts.evidence.parts import parts_of_facts
from alerts.evidence.verify import parts_of
from alerts.judge import _cases
from alerts.record import Recorder
from drawing import PdfUnavailable
from ingest import Message, Pipeline, RawWriter
from ingest.directory import SensorDirectory
from ingest.pipeline import Batch
from registry import Registry, audit
from registry.models import CalibrationRow
from schemas import SensorId, StationId, catalogue, to_ms
from schemas.alerts import Alert, Breach
from schemas.people import Person, Role
from schemas.registry import Sensor
from storage import Store, open_store
from storage.raw import RawArchive
from tests.alerts.conftest import NIGHT, ROAD, Hands, shipped
from tests.parts import need

OFFICER = Person(
    id="wu", name="吴", roles=(Role.ENFORCEMENT, Role.OPERATOR), scopes=("district:luohu",)
)
HOURLY = shipped("noise-hour")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>"
NO_PDF = b"%PDF-none"


@pytest.fixture(autouse=True)
def without_setting_type(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page takes seconds to set: only where a test asks for it."""
    if "paper" not in request.fixturenames:
        monkeypatch.setattr(parts_module, "pdf", lambda _html: NO_PDF)


@pytest.fixture
def paper() -> None:
    """Real PDF."""
    need("pdftotext and a Chinese font", shutil.which("pdftotext") is not None)


@pytest.fixture
def opened(hands: Hands) -> Alert:
    """58 dB for an hour at night where 55 are allowed, and quiet around it."""
    hands.measure(50, range(-60, 0))
    hands.measure(58, range(60))
    hands.measure(50, range(60, 180))
    hands.judge(121, HOURLY)
    (found,) = alerts(hands.registry)
    return found


def go(hands: Hands, number: int, name: str, minute: float, **more: str) -> None:
    act(
        hands.registry,
        number,
        Move(name, **more),
        by=OFFICER,
        at=hands.at(minute),
        router=Router(),
    )


def close(hands: Hands, number: int, minute: float = 200, findings: str = "夜市扰民") -> None:
    go(hands, number, "acknowledge", minute - 3)
    go(hands, number, "close", minute, outcome="confirmed", findings=findings)


def frozen(hands: Hands, number: int, minute: float = 240, **more: object) -> dict[str, bytes]:
    made = freeze(
        number,
        registry=hands.registry,
        store=hands.store,
        at=hands.at(minute),
        by="wu",
        **more,  # type: ignore[arg-type]
    )
    content = evidence(hands.registry, made.id)[1]
    assert verify(content).faults == ()
    return parts_of(content)


def rows(part: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(part.decode("utf-8-sig"))))


def missing(parts: dict[str, bytes]) -> dict[str, str]:
    return {gap["part"]: gap["en"] for gap in json.loads(parts["manifest.json"])["missing"]}


# What is in it


def test_readings_before_during_and_after_with_flags_and_what_they_replaced(
    hands: Hands, opened: Alert
) -> None:
    hands.measure(90, [20], quality=34)  # a spike in place of what was there
    hands.judge(125, HOURLY)
    (now,) = alerts(hands.registry)
    found = rows(frozen(hands, now.id)["readings.csv"])
    assert {row["phase"] for row in found} == {"before", "during", "after"}
    at_20 = [row for row in found if row["time"].startswith("2026-11-24T23:20:00.000+08:00")]
    assert [(r["value"], r["flag"], r["cause"], bool(r["replaced"])) for r in at_20] == [
        ("58.0", "good", "none", True),
        ("90.0", "bad", "spike", False),
    ]
    during = [r for r in found if r["phase"] == "during" and not r["replaced"]]
    assert len(during) == 60
    assert {r["unit"] for r in found} == {catalogue()["laeq"].unit}


def test_the_rule_as_it_was_the_limit_and_the_standards_own_table(
    hands: Hands, opened: Alert
) -> None:
    parts = frozen(hands, opened.id)
    rule = json.loads(parts["rule.json"])
    assert rule["rule"]["id"] == "noise-hour"
    assert (rule["limit"]["value"], rule["limit"]["edition"]) == ("55", "GB3096-2008")
    assert rule["limit"]["clause"] == "GB 3096-2008, 5.1, table 1"
    assert rule["standard"] == "standard/gb3096-2008.yaml"
    own = Path(__file__).parents[2] / "standards" / "tables" / "gb3096-2008.yaml"
    assert parts["standard/gb3096-2008.yaml"] == own.read_bytes()


def test_each_window_is_judged_again(hands: Hands, opened: Alert) -> None:
    verdicts = [
        (row["window"][11:16], float(row["value"]), row["limit"], row["beyond"])
        for row in rows(frozen(hands, opened.id)["judged.csv"])
    ]
    assert verdicts == [
        ("22:00", 50.0, "55", "no"),
        ("23:00", 58.0, "55", "yes"),
        ("00:00", 50.0, "55", "no"),
        ("01:00", 50.0, "55", "no"),
    ]


def test_a_window_that_is_not_over_is_not_judged(hands: Hands, opened: Alert) -> None:
    found = rows(frozen(hands, opened.id, minute=170)["judged.csv"])
    assert [row["window"][11:16] for row in found] == ["22:00", "23:00", "00:00"]


def test_events_and_the_entries_of_the_audit_log_with_their_hashes(
    hands: Hands, opened: Alert
) -> None:
    close(hands, opened.id)
    parts = frozen(hands, opened.id)
    events = json.loads(parts["events.json"])
    assert [e["move"] for e in events] == ["open", "recover", "acknowledge", "close"]
    log = json.loads(parts["audit.json"])
    assert [(e["action"], e["who"]) for e in log] == [
        ("alert.acknowledge", "wu"),
        ("alert.close", "wu"),
    ]
    kept = {entry.number: entry.hash for entry in audit.entries(hands.registry)}
    assert all(kept[e["number"]] == e["hash"] for e in log)
    assert json.loads(parts["alert.json"])["alert"]["findings"] == "夜市扰民"


def test_photos_are_in_it_to_the_byte(hands: Hands, opened: Alert) -> None:
    go(hands, opened.id, "acknowledge", 62)
    add_photo(hands.registry, opened.id, PNG, by=OFFICER, at=hands.at(63), router=Router())
    parts = frozen(hands, opened.id)
    (name,) = (name for name in parts if name.startswith("photos/"))
    assert name.endswith(".png")
    assert parts[name] == PNG


def test_the_weather_of_the_nearest_station_with_its_distance(hands: Hands, opened: Alert) -> None:
    for sensor, speed in (("air-lianhua-1", 2.5), ("air-kuichong-1", 9.0)):
        hands.measure(speed, range(0, 60, 5), sensor=sensor, parameter="wind_speed")
    found = rows(frozen(hands, opened.id)["weather.csv"])
    told = {(row["parameter"], row["station"], row["value"]) for row in found}
    assert told == {("wind_speed", "st-air-lianhua", "2.5")}
    assert {row["km"] for row in found} == {"6.65"}


def test_what_was_calibrated(hands: Hands, opened: Alert) -> None:
    assert "no calibration" in missing(frozen(hands, opened.id))["calibration.json"]
    with hands.registry.session.begin() as session:
        session.add(
            CalibrationRow(
                sensor=ROAD, parameter="laeq", at=hands.at(-9000), kind="span", reference=94.0,
                found=94.3, left=94.0, drift=0.3, drift_percent=0.3, tolerance_percent=1.0,
                standard="声校准器", who="he", note="",
            )
        )  # fmt: skip
    parts = frozen(hands, opened.id)
    (sensor,) = json.loads(parts["calibration.json"])
    assert (sensor["sensor"]["serial"], sensor["calibrations"][0]["found"]) == (
        hands.registry.sensors()[SensorId(ROAD)].serial,
        94.3,
    )
    assert "calibration.json" not in missing(parts)


def test_pictures_are_files_of_their_own_in_both_languages(hands: Hands, opened: Alert) -> None:
    parts = frozen(hands, opened.id)
    for name in ("chart.svg", "map.svg"):
        ElementTree.fromstring(parts[name])
    chart = parts["chart.svg"].decode()
    assert "限值 limit" in chart
    assert 'class="limit"' in chart
    assert "东门" in parts["map.svg"].decode()


def test_an_alert_of_any_rule_can_be_frozen(hands: Hands) -> None:
    """Each shipped rule at the first subject that it holds for, with hardly any data."""
    sensors = {str(s.id): s for s in hands.registry.sensors().values()}
    stations = {str(s.id): s for s in hands.registry.stations().values()}
    recorder = Recorder(hands.registry, Router(), final=True)
    for rule in load_rules():
        case = next(_cases(rule, sensors, stations, hands.registry.places()))
        breach = Breach(
            rule=rule.id, subject=case.subject, start=NIGHT, end=hands.at(60), certain=True,
            peak=90.5, peak_at=NIGHT, last=70, limit=55, excess=3, basis="x",
            severity=rule.severity,
        )  # fmt: skip
        recorder.record(case, breach, hands.at(61))
    every = alerts(hands.registry)
    assert {found.rule for found in every} == {rule.id for rule in load_rules()}
    for found in every:
        parts = frozen(hands, found.id)
        assert json.loads(parts["rule.json"])["rule"]["id"] == found.rule
        assert ("chart.svg" in parts) is (found.sensor is not None)
        assert ("chart.svg" in missing(parts)) is (found.sensor is None)
        listed = json.loads(parts["alert.json"])["sensors"]
        assert listed == [found.sensor] if found.sensor else len(listed) > 1
    assert list(verify_chain(hands.registry)) == []


# What is not in it


def test_what_is_missing_is_said(hands: Hands, opened: Alert) -> None:
    said = missing(frozen(hands, opened.id, minute=70))
    assert (
        said["raw/"] == "240 of 240 readings have no message as received (no archive of messages"
        " is kept)"
    )
    assert said["weather.csv"] == "no weather was measured anywhere near"
    assert said["readings.csv"].startswith("what came after the breach is there up to")
    report = frozen(hands, opened.id, minute=70)["report.html"].decode()
    assert all(text in report for text in said.values())


def test_a_rule_that_was_changed_since_and_not_kept_is_said(
    hands: Hands, opened: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = HOURLY.model_copy(update={"hysteresis": 7.0})
    monkeypatch.setattr(gathering, "load_rules", lambda: [other])
    parts = frozen(hands, opened.id)
    assert json.loads(parts["rule.json"])["rule"] is None
    assert "no version of the rule" in missing(parts)["rule.json"]


def test_without_pango_there_is_everything_but_the_pdf(
    hands: Hands, opened: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_html: str) -> bytes:
        raise PdfUnavailable("no Pango")

    monkeypatch.setattr(parts_module, "pdf", none)
    parts = frozen(hands, opened.id)
    assert "report.pdf" not in parts
    assert "no Pango" in missing(parts)["report.pdf"]


def test_an_alert_that_is_none_is_refused(hands: Hands) -> None:
    with pytest.raises(NoSuchAlert):
        frozen(hands, 99)


# The report


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def test_hostile_texts_stay_texts(hands: Hands, opened: Alert) -> None:
    station = hands.registry.stations()[hands.registry.sensors()[SensorId(ROAD)].station]
    hands.registry.add(stations=[station.model_copy(update={"zh": HOSTILE, "en": HOSTILE})])
    far = hands.registry.stations()[StationId("st-air-lianhua")]
    hands.registry.add(stations=[far.model_copy(update={"zh": HOSTILE, "en": HOSTILE})])
    hands.measure(-1.0, [5], sensor="air-lianhua-1", parameter="temperature")
    close(hands, opened.id, findings=HOSTILE)
    parts = frozen(hands, opened.id)
    for name in ("report.html", "map.svg"):
        reader = Tags()
        reader.feed(parts[name].decode())
        assert "script" not in reader.seen
        assert "&lt;script&gt;" in parts[name].decode()
    (row, *_) = rows(parts["weather.csv"])
    assert row["zh"] == f"'{HOSTILE}"
    assert row["value"] == "-1.0"


def test_the_report_is_printed_with_its_chinese_and_the_hash_of_every_part(
    hands: Hands, opened: Alert, tmp_path: Path, paper: None
) -> None:
    close(hands, opened.id)
    parts = frozen(hands, opened.id)
    (tmp_path / "report.pdf").write_bytes(parts["report.pdf"])
    said = subprocess.run(
        ["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, check=True
    )
    text = said.stdout.decode()
    for word in ("环境监测告警证据", "东门", "功能区小时噪声超标", "夜市扰民", "GB 3096-2008"):
        assert word in text
    tight = "".join(text.split())
    for name in ("alert.json", "readings.csv", "rule.json", "audit.json", "chart.svg"):
        assert sha256(parts[name]) in tight


# Raw messages


class Line:
    """The way of messages from the broker on: pipeline, store, archive."""

    def __init__(self, hands: Hands, folder: Path) -> None:
        directory = SensorDirectory(hands.registry, catalogue())
        directory.renew()
        self._pipeline = Pipeline(directory, catalogue())
        self._hands = hands
        self.now = hands.at(0)
        self.writer = RawWriter(folder, days=7, worker="w", now_ms=lambda: to_ms(self.now))

    def send(self, minute: int, level: float) -> bytes:
        self.now = self._hands.at(minute)
        ts = self.now.isoformat()
        payload = (
            f'{{"ts" : "{ts}",\n "values":{{"laeq":{level}}}, "seq": {minute + 999}}}'.encode()
        )
        batch = Batch()
        topic = f"onenet/v1/noise/{ROAD}/data/json"
        self._pipeline.process(Message(topic, payload, to_ms(self.now)), batch)
        self._pipeline.flag(batch)
        self._hands.store.write(batch.readings, received=batch.received)
        assert self.writer.keep(batch)
        return payload


@pytest.fixture
def line(hands: Hands, tmp_path: Path) -> Iterator[Line]:
    made = Line(hands, tmp_path / "raw")
    yield made
    made.writer.close()


def test_messages_as_they_were_sent_are_in_it_and_none_is_missing(
    hands: Hands, line: Line, tmp_path: Path
) -> None:
    sent = [line.send(m, 58 if 0 <= m < 60 else 50) for m in range(-60, 130)]
    hands.judge(121, HOURLY)
    (found,) = alerts(hands.registry)
    parts = frozen(hands, found.id, raw=RawArchive(tmp_path / "raw"))
    listed = rows(parts["raw/messages.csv"])
    assert [parts[row["file"]] for row in listed] == sent
    assert {row["topic"] for row in listed} == {f"onenet/v1/noise/{ROAD}/data/json"}
    assert "raw/" not in missing(parts)


def test_a_hole_in_the_archive_is_said(hands: Hands, line: Line, tmp_path: Path) -> None:
    for minute in range(-60, 130):
        line.send(minute, 58 if 0 <= minute < 60 else 50)
    hands.measure(58.5, [30, 31])  # corrected by a way that left no message
    hands.judge(121, HOURLY)
    (found,) = alerts(hands.registry)
    hour = min((tmp_path / "raw").glob("*.raw"))
    hour.unlink()
    archive = RawArchive(tmp_path / "raw")
    said = missing(frozen(hands, found.id, raw=archive))["raw/"]
    assert said.startswith("62 of 192 readings have no message as received (the archive begins at")


def test_a_later_bundle_keeps_the_messages_that_the_archive_has_forgotten(
    hands: Hands, line: Line, tmp_path: Path
) -> None:
    sent = [line.send(m, 58 if 0 <= m < 60 else 50) for m in range(-60, 130)]
    hands.judge(121, HOURLY)
    (found,) = alerts(hands.registry)
    archive = RawArchive(tmp_path / "raw")
    six_days = hands.at(6 * 1440 + 60)
    (early,) = freeze_due(hands.registry, hands.store, six_days, raw=archive)
    assert (early.alert, early.who) == (found.id, "system:evidence")
    assert freeze_due(hands.registry, hands.store, six_days, raw=archive) == []
    for segment in (tmp_path / "raw").glob("*.raw"):
        segment.unlink()
    close(hands, found.id, minute=9 * 1440)
    (late,) = freeze_due(hands.registry, hands.store, hands.at(9 * 1440 + 1), raw=archive)
    parts = parts_of(evidence(hands.registry, late.id)[1])
    assert [parts[row["file"]] for row in rows(parts["raw/messages.csv"])] == sent
    assert "raw/" not in missing(parts)


# When it is frozen


def test_what_is_closed_with_a_finding_is_frozen_once_and_again_when_it_changes(
    hands: Hands, opened: Alert
) -> None:
    def due(minute: float) -> list[Evidence]:
        return freeze_due(hands.registry, hands.store, hands.at(minute))

    assert due(100) == []
    close(hands, opened.id)
    (first,) = due(201)
    assert due(202) == []
    go(hands, opened.id, "reopen", 210, why="复查")
    assert due(211) == []
    close(hands, opened.id, minute=220)
    (second,) = due(221)
    assert [e.id for e in evidence_of(hands.registry, opened.id)] == [first.id, second.id]
    assert second.previous == first.sha256


def test_what_ended_without_a_finding_is_not_frozen(hands: Hands) -> None:
    hands.measure(58, range(60))
    hands.measure(50, range(60, 90))
    hands.judge(90, shipped("noise-early"))
    assert freeze_due(hands.registry, hands.store, hands.at(91)) == []


def test_one_alert_that_cannot_be_frozen_does_not_hold_up_the_others(
    hands: Hands, opened: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands.measure(58, range(60), sensor="noise-huaqiangbei-1")
    hands.measure(50, range(60, 180), sensor="noise-huaqiangbei-1")
    hands.judge(121, HOURLY)
    first, second = sorted(found.id for found in alerts(hands.registry))
    city = OFFICER.model_copy(update={"scopes": ("city",)})
    for number in (first, second):
        for name, more in (
            ("acknowledge", {}),
            ("close", {"outcome": "confirmed", "findings": "属实"}),
        ):
            move = Move(name, **more)
            act(hands.registry, number, move, by=city, at=hands.at(200), router=Router())

    def broken(registry: Registry, sensor: Sensor, *, until: datetime) -> dict[str, object]:
        if sensor.id == ROAD:
            raise RuntimeError("a bug")
        return life_of(registry, sensor, until=until)

    monkeypatch.setattr(gathering, "life_of", broken)
    with pytest.raises(ExceptionGroup, match="1 alerts could not be frozen"):
        freeze_due(hands.registry, hands.store, hands.at(201))
    assert [found.alert for found in evidence_of(hands.registry)] == [second]


def test_the_same_facts_give_the_same_bytes(hands: Hands, opened: Alert) -> None:
    def facts() -> Facts:
        return gather(
            opened.id,
            registry=hands.registry,
            store=hands.store,
            raw=None,
            kept=(),
            at=hands.at(240),
            by="wu",
        )

    assert parts_of_facts(facts()) == parts_of_facts(facts())


# The chain


@pytest.fixture
def three(hands: Hands, opened: Alert) -> list[Evidence]:
    for minute in (200, 201, 202):
        frozen(hands, opened.id, minute)
    return evidence_of(hands.registry)


def naked(registry: Registry) -> sqlite3.Connection:
    """The file as somebody sees it who owns it, the triggers taken off."""
    db = sqlite3.connect(str(registry.engine.url.database), isolation_level=None)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    return db


def breaks(registry: Registry) -> list[tuple[int, str]]:
    return [(found.number, found.kind) for found in verify_chain(registry)]


def test_each_bundle_names_the_one_before_and_the_audit_log_each(
    hands: Hands, three: list[Evidence]
) -> None:
    assert [e.previous for e in three] == ["", three[0].sha256, three[1].sha256]
    for one in three:
        content = evidence(hands.registry, one.id)[1]
        assert (sha256(content), len(content)) == (one.sha256, one.bytes)
        assert verify(content).manifest["previous"] == one.previous
        assert known(hands.registry, one.sha256) == one
    entries = list(audit.entries(hands.registry, action="evidence.freeze"))
    assert [e.after and e.after["sha256"] for e in entries] == [e.sha256 for e in three][::-1]
    assert breaks(hands.registry) == []
    assert audit.verify(hands.registry) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence SET who = 'li'",
        "DELETE FROM evidence",
        "INSERT OR REPLACE INTO evidence SELECT * FROM evidence WHERE previous = ''",
    ],
)
def test_the_database_refuses_to_change_a_bundle(
    hands: Hands, three: list[Evidence], statement: str
) -> None:
    with (
        pytest.raises(DBAPIError, match="append-only"),
        hands.registry.engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert breaks(hands.registry) == []


@pytest.mark.parametrize("victim", [0, 1, 2])
@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE evidence SET content = substr(content, 1, 5000) WHERE id = ?", "altered"),
        ("UPDATE evidence SET who = 'li' WHERE id = ?", "altered"),
        ("UPDATE evidence SET made = '2020-01-01 00:00:00.000000' WHERE id = ?", "altered"),
        ("UPDATE evidence SET previous = 'f' WHERE id = ?", "removed"),
        ("DELETE FROM evidence WHERE id = ?", "removed"),
    ],
)
def test_whatever_is_done_to_the_chain_is_found(
    hands: Hands, three: list[Evidence], victim: int, statement: str, kind: str
) -> None:
    naked(hands.registry).execute(statement, (three[victim].id,))
    assert kind in {found for _, found in breaks(hands.registry)}


def test_a_forged_bundle_is_found_by_the_audit_log(hands: Hands, three: list[Evidence]) -> None:
    """Hashes and links made anew throughout: whole in itself, and nobody froze it."""
    from alerts.evidence.bundle import bundle, manifest_of, with_sums

    content = evidence(hands.registry, three[2].id)[1]
    parts = parts_of(content)
    old = verify(content).manifest
    kept = {
        name: part for name, part in parts.items() if name not in ("manifest.json", "SHA256SUMS")
    }
    kept["readings.csv"] = kept["readings.csv"].replace(b"58.0", b"54.0")
    again = with_sums(kept)
    manifest = manifest_of(
        again, alert=three[2].alert, made=three[2].made, by="wu", previous=old["previous"], gaps=()
    )
    forged = bundle(again, manifest)
    assert verify(forged).faults == ()
    naked(hands.registry).execute(
        "UPDATE evidence SET content = ?, sha256 = ? WHERE id = ?",
        (forged, sha256(forged), three[2].id),
    )
    assert {kind for _, kind in breaks(hands.registry)} == {"added", "removed"}
    assert known(hands.registry, sha256(content)) is None


def test_many_writers_make_one_unbroken_chain(hands: Hands, opened: Alert) -> None:
    failures: list[BaseException] = []

    def write(url: str, minute: int) -> None:
        store: Store = open_store(url)
        try:
            freeze(
                opened.id,
                registry=hands.registry,
                store=store,
                at=hands.at(240 + minute),
                by=f"writer-{minute}",
            )
        except BaseException as error:  # shown below, in the test's own thread
            failures.append(error)
        finally:
            store.close()

    url = f"sqlite:///{Path(str(hands.registry.engine.url.database)).parent}/observations.db"
    threads = [threading.Thread(target=write, args=(url, n)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    chain = evidence_of(hands.registry)
    assert len(chain) == 6
    assert [e.previous for e in chain] == ["", *(e.sha256 for e in chain[:-1])]
    assert breaks(hands.registry) == []


def test_time_is_kept_as_it_was_given_in_whichever_zone(hands: Hands, opened: Alert) -> None:
    from schemas import CITY_TIME

    at = (hands.at(240) + timedelta(microseconds=123)).astimezone(CITY_TIME)
    made = freeze(opened.id, registry=hands.registry, store=hands.store, at=at, by="wu")
    assert made.made == at
    assert breaks(hands.registry) == []
