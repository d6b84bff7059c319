"""Alerts in the Common Alerting Protocol 1.2: one document a message, and the Atom feed of them.

What our grades and moves are in CAP is data (`cap.yaml`). A document holds what was measured, where
and against which limit, and no word that somebody wrote while working on the alert: what is public
is free of enforcement. Pure but for the reading of package data.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import yaml

from alerts.letter import Letter
from registry import district_shapes
from schemas import CITY_TIME

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
ATOM = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/cap+xml"
LANGUAGES = (("zh", "zh-CN"), ("en", "en-US"))
# XML 1.0 has no place for these, not even escaped.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# CAP forbids them in identifiers and senders.
UNIDENTIFYING = re.compile(r"[\s,<&]+")
# How many points of an outline are told: enough for an overview, which the outlines are.
RING_POINTS = 60


@cache
def mapping() -> dict[str, Any]:
    """The data of `cap.yaml`."""
    text = resources.files("alerts").joinpath("cap.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


TOLD: frozenset[str] = frozenset(mapping()["moves"])
"""The moves that CAP tells of."""


def is_public(route: str) -> bool:
    """Whether alerts of a route concern the public."""
    return route in mapping()["public_routes"]


def cap_xml(letter: Letter, *, sender: str, status: str = "Actual", web: str = "") -> bytes:
    """A letter as a CAP document. web: where the alert can be looked at."""
    content, data = letter.content, mapping()
    move = data["moves"][content["event"]]
    sender = identifying(sender)
    refers = [f"{sender},{identifying(e.key)},{cap_time(e.at)}" for e in letter.earlier]
    public = is_public(content["route"])
    root = ET.Element("alert", {"xmlns": CAP})
    _put(root, "identifier", identifying(letter.key))
    _put(root, "sender", sender)
    _put(root, "sent", cap_time(letter.at))
    _put(root, "status", status)
    # An update of nothing is news.
    _put(root, "msgType", move["type"] if refers or move["type"] == "Cancel" else "Alert")
    _put(root, "scope", "Public" if public else "Restricted")
    if not public:
        _put(root, "restriction", data["restriction"])
    if refers and move["type"] != "Alert":
        _put(root, "references", " ".join(refers))
    _put(root, "incidents", f"alert-{content['alert']}")
    for short, language in LANGUAGES:
        root.append(_info(letter, short, language, over=move.get("over", False), web=web))
    return _written(root)


def _info(letter: Letter, short: str, language: str, *, over: bool, web: str) -> ET.Element:
    content, data = letter.content, mapping()
    forecast = data["forecast"] if content["kind"] == "forecast" else {}
    urgency = forecast.get("urgency", data["urgency"][content["severity"]])
    info = ET.Element("info")
    _put(info, "language", language)
    of_medium = data["category"][content["medium"]]
    for category in data["category_of_kind"].get(content["kind"], of_medium):
        _put(info, "category", category)
    _put(info, "event", content[f"rule_{short}"])
    for response in ["AllClear"] if over else data["response"]:
        _put(info, "responseType", response)
    _put(info, "urgency", "Past" if over else urgency)
    _put(info, "severity", data["severity"][content["severity"]])
    _put(info, "certainty", forecast.get("certainty", data["certainty"]))
    for name, value in (("onenet:rule", content["rule"]), ("onenet:grade", content["severity"])):
        _pair(info, "eventCode", name, value)
    _put(info, "effective", cap_time(letter.at))
    _put(info, "onset", cap_time(datetime.fromisoformat(content["started"])))
    _put(info, "expires", cap_time(letter.at + timedelta(hours=data["expires_h"])))
    _put(info, "senderName", "One Network 一张网")
    _put(info, "headline", content[f"title_{short}"])
    _put(info, "description", content[f"facts_{short}"])
    _put(info, "instruction", data["instruction"]["over" if over else "live"][short])
    if web:
        _put(info, "web", web)
    for name in ("parameter", "peak", "limit", "unit", "basis"):
        _pair(info, "parameter", f"onenet:{name}", content[name])
    info.append(_area(content, short))
    return info


def _area(content: dict[str, Any], short: str) -> ET.Element:
    data, district = mapping(), content["district"]
    area = ET.Element("area")
    _put(area, "areaDesc", content[f"place_{short}"])
    rings = list(_rings(district)) if content["station"] is None else []
    for ring in rings:
        _put(area, "polygon", ring)
    if not rings and content["lat"] is not None and content["lon"] is not None:
        around = content["medium"] if content["station"] else "district"
        radius = data["radius_km"][around]
        _put(area, "circle", f"{content['lat']:.5f},{content['lon']:.5f} {radius:g}")
    if district in data["divisions"]:
        _pair(area, "geocode", data["division"], data["divisions"][district])
    for name in ("district", "subdistrict", "station"):
        if content[name]:
            _pair(area, "geocode", f"onenet:{name}", content[name])
    return area


def _rings(district: str) -> Iterator[str]:
    """The outer rings of a district as CAP writes them: `lat,lon lat,lon …`, closed."""
    for feature in district_shapes()["features"]:
        if feature["properties"]["id"] != district:
            continue
        geometry = feature["geometry"]
        single = geometry["type"] == "Polygon"
        polygons = [geometry["coordinates"]] if single else geometry["coordinates"]
        for outer, *_holes in polygons:
            step = max(1, len(outer) // RING_POINTS)
            points = [f"{lat:.5f},{lon:.5f}" for lon, lat in outer[:-1:step]]
            if len(points) >= 3:
                yield " ".join([*points, points[0]])


def feed_xml(
    letters: Sequence[Letter], *, url: str, documents: str, sender: str, now: datetime
) -> bytes:
    """An Atom feed (RFC 4287) of messages, the newest first.

    url: of the feed. documents: where documents are, `{}` in it the identifier.
    """
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "zh-CN"})
    _put(root, "id", url)
    _put(root, "title", "One Network 一张网 · 告警 Alerts (CAP 1.2)")
    newest = max((letter.at for letter in letters), default=now)
    _put(root, "updated", cap_time(newest))
    _put(ET.SubElement(root, "author"), "name", sender)
    ET.SubElement(root, "link", {"rel": "self", "href": url, "type": "application/atom+xml"})
    for letter in letters:
        entry = ET.SubElement(root, "entry")
        where = documents.format(identifying(letter.key))
        _put(entry, "id", where)
        _put(entry, "title", f"{letter.content['title_zh']} {letter.content['title_en']}")
        _put(entry, "updated", cap_time(letter.at))
        ET.SubElement(entry, "link", {"rel": "alternate", "href": where, "type": MEDIA_TYPE})
        _put(entry, "summary", f"{letter.content['facts_zh']} {letter.content['facts_en']}")
        ET.SubElement(entry, "category", {"term": letter.content["severity"]})
    return _written(root)


def cap_time(moment: datetime) -> str:
    """A moment as CAP writes it: whole seconds, with the city's offset, never Z."""
    return moment.astimezone(CITY_TIME).isoformat(timespec="seconds")


def identifying(text: str) -> str:
    """A text that may be an identifier, or a sender."""
    return UNIDENTIFYING.sub("-", UNWRITABLE.sub("-", text)) or "-"


def _put(parent: ET.Element, name: str, text: object) -> None:
    ET.SubElement(parent, name).text = UNWRITABLE.sub("\ufffd", str(text))


def _pair(parent: ET.Element, name: str, value_name: str, value: object) -> None:
    pair = ET.SubElement(parent, name)
    _put(pair, "valueName", value_name)
    _put(pair, "value", value)


def _written(root: ET.Element) -> bytes:
    made: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return made
