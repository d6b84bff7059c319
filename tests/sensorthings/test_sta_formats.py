"""`$resultFormat`: GeoJSON for maps, dataArray for many Observations."""

from __future__ import annotations

import pytest

from tests.sensorthings.service import AIR, LAEQ, NOISE, Service

STREAM = f"/Datastreams('{LAEQ}')/Observations"


@pytest.mark.parametrize("name", ["Things", "Locations", "Datastreams", "FeaturesOfInterest"])
def test_entities_as_features(service: Service, name: str) -> None:
    answer = service.ask(f"/{name}", resultFormat="GeoJSON", top="3", count="true")
    assert answer.headers["content-type"] == "application/geo+json"
    found, plain = answer.json(), service.get(f"/{name}", top="3", count="true")
    assert found["type"] == "FeatureCollection"
    assert found["@iot.count"] == plain["@iot.count"]
    assert "resultFormat=GeoJSON" in found["@iot.nextLink"]
    for feature, entity in zip(found["features"], plain["value"], strict=True):
        assert feature["type"] == "Feature"
        assert feature["id"] == entity["@iot.id"]
        assert feature["properties"] == entity
        assert feature["geometry"]["type"] == "Point"


def test_observations_as_features_stand_where_their_feature_is(service: Service) -> None:
    found = service.get(STREAM, resultFormat="GeoJSON", top="2", select="result")
    place = service.get("/FeaturesOfInterest('st-noise-dongmen')")["feature"]
    assert [each["geometry"] for each in found["features"]] == [place, place]
    assert [each["properties"] for each in found["features"]] == [
        {"result": 50.0},
        {"result": 51.0},
    ]


def test_one_entity_is_one_feature_and_what_is_nowhere_has_no_geometry(service: Service) -> None:
    thing = service.get(f"/Things('{NOISE}')", resultFormat="GeoJSON")
    assert (thing["type"], thing["id"]) == ("Feature", NOISE)
    model = service.get("/Sensors('NM-S1')", resultFormat="GeoJSON")
    assert model["geometry"] is None
    observation = service.get(f"/Observations('{LAEQ}:1795478400000')", resultFormat="GeoJSON")
    assert observation["geometry"]["type"] == "Point"


def test_observations_as_arrays_say_the_same_in_fewer_bytes(service: Service) -> None:
    whole = service.ask(STREAM, top="1000")
    answer = service.ask(STREAM, top="1000", resultFormat="dataArray")
    found, plain = answer.json(), whole.json()
    (array,) = found["value"]
    assert array["Datastream@iot.navigationLink"].endswith(f"/Datastreams('{LAEQ}')")
    assert array["dataArray@iot.count"] == 1000
    rows = [dict(zip(array["components"], row, strict=True)) for row in array["dataArray"]]
    expected = [
        {"id" if key == "@iot.id" else key: value for key, value in each.items() if "L" not in key}
        for each in plain["value"]
    ]
    assert rows == expected
    assert len(answer.content) < len(whole.content) / 2


def test_arrays_are_by_datastream_with_what_is_selected_and_follow_the_pages(
    service: Service,
) -> None:
    told: dict[str, list[float]] = {}
    options = {"filter": f"Datastream/Thing/@iot.id eq '{AIR}'", "select": "result,phenomenonTime"}
    for page in service.pages("/Observations", **options, resultFormat="dataArray", top="300"):
        for array in page["value"]:
            assert array["components"] == ["result", "phenomenonTime"]
            stream = array["Datastream@iot.navigationLink"]
            told.setdefault(stream, []).extend(row[0] for row in array["dataArray"])
    assert {stream.rpartition(":")[2]: len(rows) for stream, rows in told.items()} == {
        "no2')": 264,
        "pm25')": 264,
    }


@pytest.mark.parametrize(
    ("path", "options", "told"),
    [
        ("/Things", {"resultFormat": "dataArray"}, "not offered for Things: GeoJSON"),
        ("/Observations", {"resultFormat": "CSV"}, "GeoJSON, dataArray"),
        (STREAM, {"resultFormat": "dataArray", "expand": "Datastream"}, "no room for $expand"),
        (STREAM, {"resultFormat": "dataArray", "select": "Datastream"}, "not Datastream"),
        (f"/Observations('{LAEQ}:1795478400000')", {"resultFormat": "dataArray"}, "not of one"),
        ("/Things", {"expand": "Datastreams($resultFormat=GeoJSON)"}, "no query option"),
    ],
)
def test_a_format_that_does_not_fit_is_refused(
    service: Service, path: str, options: dict[str, str], told: str
) -> None:
    assert told in service.refused(path, 400, **options)
