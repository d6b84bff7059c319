"""Every message as CAP 1.2, held against the schema of OASIS; and the feed of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from alerts import Router, deliver
from alerts.cap import CAP, TOLD, cap_xml, feed_xml, identifying, mapping
from alerts.channels.cap import CapChannel
from alerts.letter import Earlier, Letter
from alerts.public import public_letter, public_letters
from alerts.routing import routes
from schemas import Medium
from schemas.alerts import Kind, Severity
from tests.alerts.conftest import Hands, shipped
from tests.alerts.receivers import HttpReceiver, here

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "data/CAP-v1.2.xsd"))
AT = datetime(2026, 11, 24, 15, 20, 1, 234567, tzinfo=UTC)
HOSTILE = "]]><script>&'\"\x00\x0b\ud83d\udd25\ufffe 东门\r\n"


def content(**more: Any) -> dict[str, Any]:
    base = {
        "alert": 12, "event": "open", "state": "open", "severity": "red", "kind": "exceedance",
        "route": "enforcement", "rule": "noise-hour", "basis": "GB 3096-2008", "medium": "noise",
        "station": "road", "district": "luohu", "subdistrict": "dongmen", "sensor": "s-1",
        "parameter": "laeq", "unit": "dB(A)", "limit": 70.0, "last": 80.0, "peak": 88.0,
        "started": "2026-11-24T23:00:00+08:00", "ended": None, "lon": 114.118, "lat": 22.548,
    }  # fmt: skip
    words = ("title", "text", "facts", "place", "rule")
    base |= {f"{word}_{language}": word for word in words for language in ("zh", "en")}
    return base | more


def letter(
    *, earlier: tuple[Earlier, ...] = (), key: str = "alert-12-event-34", **more: Any
) -> Letter:
    return Letter(key=key, at=AT, content=content(**more), earlier=earlier)


def valid(document: bytes) -> etree._Element:
    """The document, which is valid. The schema is not blunt: see the test of it."""
    root = etree.fromstring(document)
    SCHEMA.assertValid(root)
    return root


def texts(root: etree._Element, path: str) -> list[str]:
    return [found.text or "" for found in root.iterfind(path, {"c": CAP})]


def test_the_schema_is_not_blunt() -> None:
    document = cap_xml(letter(), sender="onenet")
    for right, wrong in ((b"Extreme", b"Terrible"), (b"+08:00</sent>", b"Z</sent>")):
        assert right in document
        with pytest.raises(etree.DocumentInvalid):
            valid(document.replace(right, wrong))


@pytest.mark.parametrize("event", sorted(TOLD))
def test_every_grade_kind_medium_and_route_is_valid_at_every_move(event: str) -> None:
    earlier = (Earlier("alert-12-event-30", AT - timedelta(hours=1)),)
    for severity, kind, medium, route in itertools.product(Severity, Kind, Medium, routes()):
        more = {"severity": severity, "kind": kind, "medium": medium, "route": route}
        for before in ((), earlier):
            root = valid(cap_xml(letter(event=event, earlier=before, **more), sender="onenet"))
            assert texts(root, "c:scope") == ["Public" if route == "enforcement" else "Restricted"]
            assert texts(root, "c:info/c:language") == ["zh-CN", "en-US"]
            assert texts(root, "c:info/c:severity") == [mapping()["severity"][severity]] * 2


def test_a_first_message_is_an_alert_and_later_ones_refer_to_all_before() -> None:
    first = valid(cap_xml(letter(), sender="onenet"))
    assert texts(first, "c:msgType") == ["Alert"]
    assert texts(first, "c:references") == []
    assert texts(first, "c:sent") == ["2026-11-24T23:20:01+08:00"]
    assert texts(first, "c:info/c:urgency") == ["Immediate"] * 2
    earlier = (Earlier("alert-12-event-30", AT), Earlier("alert-12-event-31", AT))
    graver = valid(cap_xml(letter(event="graver", earlier=earlier), sender="one net"))
    assert texts(graver, "c:msgType") == ["Update"]
    assert texts(graver, "c:references") == [
        "one-net,alert-12-event-30,2026-11-24T23:20:01+08:00 "
        "one-net,alert-12-event-31,2026-11-24T23:20:01+08:00"
    ]
    closed = valid(cap_xml(letter(event="close", earlier=earlier), sender="onenet"))
    assert texts(closed, "c:msgType") == ["Cancel"]
    assert texts(closed, "c:info/c:responseType") == ["AllClear"] * 2


def test_a_forecast_is_possible_and_lies_ahead() -> None:
    root = valid(cap_xml(letter(kind="forecast", severity="yellow"), sender="onenet"))
    assert texts(root, "c:info/c:certainty") == ["Possible"] * 2
    assert texts(root, "c:info/c:urgency") == ["Future"] * 2


def test_a_station_is_a_circle_and_a_district_its_outline() -> None:
    station = valid(cap_xml(letter(), sender="onenet"))
    assert texts(station, "c:info/c:area/c:circle") == ["22.54800,114.11800 0.5"] * 2
    district = valid(cap_xml(letter(station=None, kind="network"), sender="onenet"))
    polygons = texts(district, "c:info/c:area/c:polygon")
    assert polygons
    for polygon in polygons:
        points = polygon.split(" ")
        assert points[0] == points[-1]
        assert len(points) >= 4
        for point in points:
            lat, lon = map(float, point.split(","))
            assert 22 < lat < 23 < 113 < lon < 115
    no_outline = valid(cap_xml(letter(station=None, district="shenshan"), sender="onenet"))
    assert texts(no_outline, "c:info/c:area/c:circle")
    assert "440303" in texts(station, "c:info/c:area/c:geocode/c:value")


def test_a_word_that_somebody_wrote_stays_a_word() -> None:
    names = [name for name in content() if name[-3:] in ("_zh", "_en")]
    hostile = HOSTILE.encode("utf-16", "surrogatepass").decode("utf-16")
    told = dict.fromkeys([*names, "basis", "rule", "station", "unit"], hostile)
    root = valid(cap_xml(letter(**told), sender=f"one,net {hostile}", status="Test"))
    assert root.find(".//{*}script") is None
    assert "<script>" in texts(root, "c:info/c:headline")[0]


@settings(max_examples=60)
@given(st.text(max_size=50), st.text(max_size=20))
def test_any_text_makes_a_valid_document(word: str, sender: str) -> None:
    names = [name for name in content() if name[-3:] in ("_zh", "_en")]
    root = valid(cap_xml(letter(**dict.fromkeys(names, word)), sender=sender))
    assert not set(texts(root, "c:sender")[0]) & set(" ,<&\t\n")
    assert len(identifying(sender)) > 0


def test_the_feed_is_atom_with_an_entry_a_message() -> None:
    letters = [letter(key=f"alert-{n}-event-{n}") for n in (2, 1)]
    made = feed_xml(
        letters, url="https://c/cap.xml", documents="https://c/{}.xml", sender="x", now=AT
    )
    root = etree.fromstring(made)
    atom = {"a": "http://www.w3.org/2005/Atom"}
    links = root.findall("a:entry/a:link", atom)
    assert [link.get("href") for link in links] == [
        "https://c/alert-2-event-2.xml",
        "https://c/alert-1-event-1.xml",
    ]
    for needed in ("a:id", "a:title", "a:updated", "a:author/a:name"):
        assert root.find(needed, atom) is not None
        assert needed == "a:author/a:name" or root.find(f"a:entry/{needed}", atom) is not None
    assert etree.fromstring(feed_xml([], url="u", documents="{}", sender="x", now=AT)) is not None


# The way of an alert


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    made = HttpReceiver()
    yield made
    made.close()


def test_an_alert_is_pushed_from_its_beginning_to_its_end(
    hands: Hands, receiver: HttpReceiver
) -> None:
    rule = shipped("noise-early")
    hands.measure(60, range(20))
    hands.judge(20, rule, broadcast=["cap"])
    hands.measure(40, range(20, 40))
    hands.judge(40, rule, broadcast=["cap"])
    deliver(hands.at(41), registry=hands.registry, channels=[CapChannel(here(receiver.url), "s")])
    first, last = (valid(body) for _, body, _ in receiver.got)
    assert texts(first, "c:msgType") + texts(last, "c:msgType") == ["Alert", "Cancel"]
    (reference,) = texts(last, "c:references")
    assert reference.split(",")[1] == texts(first, "c:identifier")[0]
    assert receiver.got[0][0]["OneNet-Signature"].startswith("v1=")


def test_the_public_reads_what_was_measured_and_no_word_of_enforcement(hands: Hands) -> None:
    from alerts import Move, act
    from schemas.people import Person, Role

    hands.measure(88, range(60))
    hands.judge(60, shipped("noise-hour"))
    officer = Person(id="wu", name="吴", roles=(Role.ENFORCEMENT,), scopes=("city",))

    def go(name: str, **more: Any) -> None:
        move = Move(name, **more)
        act(hands.registry, 1, move, by=officer, at=hands.at(61), router=Router())

    go("acknowledge")
    go("close", outcome="confirmed", findings="关机", why="owner 王 was there")
    (newest,) = public_letters(hands.registry, hands.at(62))
    assert newest.content["event"] == "close"
    document = cap_xml(newest, sender="onenet")
    valid(document)
    for word in ("关机", "王", "owner", "吴", "wu"):
        assert word.encode() not in document
    assert public_letter(hands.registry, newest.key) == newest
    assert public_letters(hands.registry, hands.at(62) + timedelta(days=2)) == []
    for unknown in ("alert-1-event-999", "alert-2-event-1", "x", "alert-1-event-1-"):
        assert public_letter(hands.registry, unknown) is None


def test_what_concerns_the_network_is_not_for_the_public(hands: Hands) -> None:
    hands.measure(40, range(1))
    hands.judge(60, shipped("noise-silent"))
    assert public_letters(hands.registry, hands.at(61)) == []
    assert public_letter(hands.registry, "alert-1-event-1") is None
