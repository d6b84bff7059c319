"""The data model of the standard, as a table: entity sets, their properties, their relations.

Only what OGC SensorThings API 1.1 (18-088), chapter 8, says of the eight entities of sensing. What
stands in them for this city is `entities.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from console.sensorthings.refusals import missing


class Kind(StrEnum):
    """What a value is, as far as an expression cares."""

    NUMBER = "a number"
    TEXT = "a text"
    BOOLEAN = "true or false"
    TIME = "a time"
    SPAN = "a span of time"
    DATE = "a date"
    CLOCK = "a time of day"
    DURATION = "a duration"
    JSON = "a JSON object"
    GEOMETRY = "a geometry"
    NOTHING = "null"


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One kind of entity. one, many: name of a relation → name of the entity set it leads to."""

    name: str
    singular: str
    properties: Mapping[str, Kind]
    one: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, str] = field(default_factory=dict)

    @property
    def relations(self) -> dict[str, str]:
        return {**self.one, **self.many}


_NAMED = {"name": Kind.TEXT, "description": Kind.TEXT}
_FREE = {"properties": Kind.JSON}

_ALL = (
    EntitySet(
        "Things",
        "Thing",
        {**_NAMED, **_FREE},
        many={
            "Locations": "Locations",
            "HistoricalLocations": "HistoricalLocations",
            "Datastreams": "Datastreams",
        },
    ),
    EntitySet(
        "Locations",
        "Location",
        {**_NAMED, "encodingType": Kind.TEXT, "location": Kind.GEOMETRY, **_FREE},
        many={"Things": "Things", "HistoricalLocations": "HistoricalLocations"},
    ),
    EntitySet(
        "HistoricalLocations",
        "HistoricalLocation",
        {"time": Kind.TIME},
        one={"Thing": "Things"},
        many={"Locations": "Locations"},
    ),
    EntitySet(
        "Datastreams",
        "Datastream",
        {
            **_NAMED,
            "observationType": Kind.TEXT,
            "unitOfMeasurement": Kind.JSON,
            "observedArea": Kind.GEOMETRY,
            "phenomenonTime": Kind.SPAN,
            "resultTime": Kind.SPAN,
            **_FREE,
        },
        one={"Thing": "Things", "Sensor": "Sensors", "ObservedProperty": "ObservedProperties"},
        many={"Observations": "Observations"},
    ),
    EntitySet(
        "Sensors",
        "Sensor",
        {**_NAMED, "encodingType": Kind.TEXT, "metadata": Kind.TEXT, **_FREE},
        many={"Datastreams": "Datastreams"},
    ),
    EntitySet(
        "ObservedProperties",
        "ObservedProperty",
        {"name": Kind.TEXT, "definition": Kind.TEXT, "description": Kind.TEXT, **_FREE},
        many={"Datastreams": "Datastreams"},
    ),
    EntitySet(
        "Observations",
        "Observation",
        {
            "phenomenonTime": Kind.TIME,
            "result": Kind.NUMBER,
            "resultTime": Kind.TIME,
            "resultQuality": Kind.JSON,
            "parameters": Kind.JSON,
        },
        one={"Datastream": "Datastreams", "FeatureOfInterest": "FeaturesOfInterest"},
    ),
    EntitySet(
        "FeaturesOfInterest",
        "FeatureOfInterest",
        {**_NAMED, "encodingType": Kind.TEXT, "feature": Kind.GEOMETRY, **_FREE},
        many={"Observations": "Observations"},
    ),
)
SETS = {each.name: each for each in _ALL}
OBSERVATIONS = "Observations"
ID, SELF = "@iot.id", "@iot.selfLink"
# In queries the control information may be named without its prefix, too.
ID_NAMES = frozenset({ID, "id"})
SELF_NAMES = frozenset({SELF, "selfLink"})


def entity_set(name: str) -> EntitySet:
    """The entity set of a name. Raises Refusal 404."""
    found = SETS.get(name)
    if found is None:
        raise missing(f"no entity set {name!r}; there are {', '.join(SETS)}")
    return found
