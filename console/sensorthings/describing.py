"""What the registry's records are called in SensorThings: properties of each entity. Pure.

Left out on purpose, for the public reads this: serial numbers, credentials, notes, who did what.
Names stand in both languages, so that either finds them; each alone is under `properties`.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from schemas import Medium, catalogue
from schemas.catalogue import Parameter
from schemas.models import SensorModel
from schemas.registry import Enterprise, Place, Sensor, Station

Properties = dict[str, Any]

GEOJSON = "application/geo+json"
HTML = "text/html"
MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
_CF = "http://vocab.nerc.ac.uk/standard_name/{}/"
_QUDT = "http://qudt.org/vocab/unit/{}"
_MEDIA = {
    Medium.NOISE: ("噪声", "noise"),
    Medium.AIR: ("空气", "air"),
    Medium.WATER: ("水", "water"),
    Medium.SOIL: ("土壤", "soil"),
}


def both(zh: str, en: str) -> str:
    """A name in both languages."""
    return zh if zh == en else f"{zh} {en}"


def thing(sensor: Sensor, station: Station) -> Properties:
    zh, en = _MEDIA[sensor.medium]
    return {
        "name": sensor.id,
        "description": both(f"{station.zh}的{zh}传感器", f"{en} sensor at {station.en}"),
        "properties": {
            "medium": sensor.medium.value,
            "model": sensor.model,
            "station": sensor.station,
            "district": station.district,
            "state": sensor.state,
            "cadence_s": sensor.cadence_s,
            "installed": sensor.installed and sensor.installed.isoformat(),
        },
    }


def place_of(
    station: Station, places: Mapping[str, Place], enterprises: Mapping[str, Enterprise]
) -> Properties:
    """What a Location and a FeatureOfInterest have in common."""
    district = places[station.district]
    owner = enterprises.get(station.enterprise or "")
    return {
        "name": both(station.zh, station.en),
        "description": both(
            f"{district.zh}的监测站点({station.kind})", f"{station.kind} station in {district.en}"
        ),
        "encodingType": GEOJSON,
        "properties": {
            "zh": station.zh,
            "en": station.en,
            "medium": station.medium.value,
            "level": station.level,
            "grade": station.grade,
            "realm": station.realm,
            "kind": station.kind,
            "zone": station.zone,
            "district": station.district,
            "subdistrict": station.subdistrict,
            "basin": station.basin,
            "bay": station.bay,
            "enterprise": owner and both(owner.zh, owner.en),
        },
    }


def point(station: Station) -> Properties:
    return {"type": "Point", "coordinates": [station.lon, station.lat]}


def datastream(
    sensor: Sensor, station: Station, parameter: Parameter, *, is_open: bool
) -> Properties:
    """is_open: whether its Observations are published."""
    return {
        "name": f"{sensor.id} {both(parameter.zh, parameter.en)}",
        "description": both(f"{station.zh}的{parameter.zh}", f"{parameter.en} at {station.en}"),
        "observationType": MEASUREMENT,
        "unitOfMeasurement": {
            "name": parameter.unit,
            "symbol": parameter.unit,
            "definition": _unit_definition(parameter),
        },
        "observedArea": point(station),
        "properties": {
            "cadence_s": sensor.cadence_s,
            "medium": sensor.medium.value,
            "averaging": parameter.averaging,
            "resolution": parameter.resolution,
            "observations": is_open,
        },
    }


def _unit_definition(parameter: Parameter) -> str | None:
    code = parameter.codes.get("qudt", "")
    return _QUDT.format(code.removeprefix("unit:")) if code else None


def observed_property(parameter: Parameter) -> Properties:
    """definition: the CF standard name where there is one, else a name of our own catalogue."""
    cf = parameter.codes.get("cf")
    return {
        "name": both(parameter.zh, parameter.en),
        "definition": _CF.format(cf) if cf else f"urn:one-network:parameter:{parameter.key}",
        "description": both(
            f"{parameter.zh},单位 {parameter.unit}", f"{parameter.en} in {parameter.unit}"
        ),
        "properties": {
            "zh": parameter.zh,
            "en": parameter.en,
            "key": parameter.key,
            "unit": parameter.unit,
            "hj212": parameter.codes.get("hj212"),
            "media": [medium.value for medium in parameter.media],
        },
    }


def sensor_model(key: str, model: SensorModel | None) -> Properties:
    """A model that the catalogue of models does not know has its key and nothing else."""
    if model is None:
        return {
            "name": key,
            "description": both(f"型号 {key}", f"model {key}"),
            "encodingType": HTML,
            "metadata": f"<h1>{escape(key)}</h1>",
            "properties": {},
        }
    return {
        "name": key,
        "description": both(model.zh, model.en),
        "encodingType": HTML,
        "metadata": _sheet(model),
        "properties": {
            "zh": model.zh,
            "en": model.en,
            "medium": model.medium.value,
            "calibrate_days": model.calibrate_days,
            "tolerance_percent": model.tolerance_percent,
        },
    }


def _sheet(model: SensorModel) -> str:
    """A model's data sheet as HTML: what it measures, from where to where."""
    known = catalogue()
    lines = [
        f"<li>{escape(both(known[key].zh, known[key].en))}: {low:g} – {high:g}"
        f" {escape(known[key].unit)}</li>"
        for key, (low, high) in model.channels.items()
    ]
    title = escape(f"{model.key} {both(model.zh, model.en)}")
    return f"<h1>{title}</h1><ul>{''.join(lines)}</ul>"
