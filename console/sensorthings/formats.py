"""Two other forms of an answer, asked for by `$resultFormat`: GeoJSON for maps, dataArray for many
Observations in few bytes (18-088, chapter 12.1, the reading half of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from console.sensorthings.entities import Entities
from console.sensorthings.model import ID
from console.sensorthings.options import Options
from console.sensorthings.refusals import bad

Told = dict[str, Any]
GEOJSON, DATA_ARRAY = "GeoJSON", "dataArray"
COMPONENTS = ("id", "phenomenonTime", "resultTime", "result", "resultQuality", "parameters")


def feature_collection(features: Sequence[Told]) -> Told:
    return {"type": "FeatureCollection", "features": list(features)}


def feature(key: str, geometry: Told | None, told: Told) -> Told:
    """One entity as a feature. told: its JSON as selected, which are the feature's properties."""
    return {"type": "Feature", "id": key, "geometry": geometry, "properties": told}


def geometry_of(entities: Entities, name: str, key: str, relations: dict[str, str]) -> Told | None:
    """Where an entity is, or None for what is nowhere: a model, a parameter."""
    match name:
        case "Locations" | "Things" | "HistoricalLocations":
            places = [key] if name == "Locations" else entities.related(name, "Locations", key)
            return entities.sets["Locations"][places[0]]["location"] if places else None
        case "FeaturesOfInterest" | "Observations":
            place = relations.get("FeatureOfInterest", key)
            return entities.sets["FeaturesOfInterest"][place]["feature"]
        case "Datastreams":
            return entities.sets[name][key]["observedArea"]
    return None


def data_arrays(rows: Sequence[tuple[str, Told, str]], options: Options) -> list[Told]:
    """Observations as arrays, one for each Datastream, each in the order that was asked for.

    rows: the link to the Datastream, the Observation's JSON, its id. Raises Refusal.
    """
    if options.expand:
        raise bad("$resultFormat: a dataArray has no room for $expand")
    components = _components(options)
    arrays: dict[str, list[list[Any]]] = {}
    for link, told, key in rows:
        values = [key if name == "id" else told[name] for name in components]
        arrays.setdefault(link, []).append(values)
    return [
        {
            "Datastream@iot.navigationLink": link,
            "components": components,
            "dataArray@iot.count": len(array),
            "dataArray": array,
        }
        for link, array in arrays.items()
    ]


def _components(options: Options) -> list[str]:
    chosen = ["id" if name == ID else name for name in options.select]
    if wrong := [name for name in chosen if name not in COMPONENTS]:
        raise bad(f"$select: a dataArray holds {', '.join(COMPONENTS)}, not {wrong[0]}")
    return chosen or list(COMPONENTS)
