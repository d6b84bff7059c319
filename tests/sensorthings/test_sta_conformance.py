"""OGC 18-088, annex A.1 "Sensing core" and the filtering that we claim, requirement by requirement.

The name of each test is the requirement's; docs/sensorthings.md lists them. Observations over both
stores are in `test_sta_observations.py`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from console.sensorthings import telling
from console.sensorthings.model import SETS
from tests.sensorthings.service import AIR, LAEQ, NOISE, ROOT, Service

# 18-088, chapter 8: mandatory properties, and relations with how many they lead to.
MANDATORY = {
    "Things": {"name", "description"},
    "Locations": {"name", "description", "encodingType", "location"},
    "HistoricalLocations": {"time"},
    "Datastreams": {"name", "description", "observationType", "unitOfMeasurement"},
    "Sensors": {"name", "description", "encodingType", "metadata"},
    "ObservedProperties": {"name", "definition", "description"},
    "Observations": {"phenomenonTime", "result", "resultTime"},
    "FeaturesOfInterest": {"name", "description", "encodingType", "feature"},
}
RELATIONS = {
    "Things": {"Locations": "*", "HistoricalLocations": "*", "Datastreams": "*"},
    "Locations": {"Things": "*", "HistoricalLocations": "*"},
    "HistoricalLocations": {"Thing": "1", "Locations": "*"},
    "Datastreams": {"Thing": "1", "Sensor": "1", "ObservedProperty": "1", "Observations": "*"},
    "Sensors": {"Datastreams": "*"},
    "ObservedProperties": {"Datastreams": "*"},
    "Observations": {"Datastream": "1", "FeatureOfInterest": "1"},
    "FeaturesOfInterest": {"Observations": "*"},
}
# An entity of each set that has something behind each relation.
SOME = {
    "Things": NOISE,
    "Locations": "st-noise-dongmen",
    "Datastreams": LAEQ,
    "Sensors": "NM-S1",
    "ObservedProperties": "laeq",
    "FeaturesOfInterest": "st-noise-dongmen",
}


def some(service: Service, name: str) -> dict[str, Any]:
    if name in SOME:
        return service.get(f"/{name}('{SOME[name]}')")
    return service.get(f"/{name}", top="1")["value"][0]


def test_the_service_root_lists_the_entity_sets_and_what_is_claimed(service: Service) -> None:
    root = service.get("")
    assert root == service.get("/")
    assert {each["name"] for each in root["value"]} == set(MANDATORY)
    for each in root["value"]:
        assert service.client.get(each["url"]).status_code == 200
    claimed = root["serverSettings"]["conformance"]
    assert "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel" in claimed
    assert not [uri for uri in claimed if "create" in uri or "mqtt" in uri or "multi" in uri]


# req/datamodel


@pytest.mark.parametrize("name", MANDATORY)
def test_datamodel_properties(service: Service, name: str) -> None:
    entity = some(service, name)
    assert MANDATORY[name] <= set(entity)
    assert all(entity[each] not in (None, "") for each in MANDATORY[name])


@pytest.mark.parametrize("name", MANDATORY)
def test_datamodel_relations(service: Service, name: str) -> None:
    entity = some(service, name)
    links = {k.partition("@")[0]: v for k, v in entity.items() if k.endswith("navigationLink")}
    assert set(links) == set(RELATIONS[name])
    for relation, link in links.items():
        found = service.client.get(link)
        assert found.status_code == 200, found.text
        if RELATIONS[name][relation] == "*":
            assert found.json()["value"], f"{relation} leads to nothing"
        else:
            assert found.json()["@iot.id"]


@pytest.mark.parametrize("name", MANDATORY)
def test_datamodel_entity_control_information(service: Service, name: str) -> None:
    entity = some(service, name)
    assert isinstance(entity["@iot.id"], str)
    assert entity["@iot.selfLink"].endswith(f"/{name}('{entity['@iot.id']}')")
    assert service.client.get(entity["@iot.selfLink"]).json() == entity


def test_datamodel_values_are_those_of_the_standard(service: Service) -> None:
    stream = service.get(f"/Datastreams('{LAEQ}')")
    assert stream["observationType"].endswith("OM_Measurement")
    assert stream["unitOfMeasurement"]["symbol"] == "dB(A)"
    assert stream["unitOfMeasurement"]["definition"] == "http://qudt.org/vocab/unit/DeciB_A"
    assert stream["observedArea"]["type"] == "Point"
    day = "2026-11-24T00:00:00.000Z/2026-11-24T23:59:00.000Z"
    assert (stream["phenomenonTime"], stream["resultTime"]) == (day, day)
    location = service.get(f"/Things('{NOISE}')/Locations")["value"][0]
    assert location["encodingType"] == "application/geo+json"
    assert location["location"]["type"] == "Point"
    longitude, latitude = location["location"]["coordinates"]
    assert 113 < longitude < 115
    assert 22 < latitude < 23
    assert service.get("/Sensors('NM-S1')")["encodingType"] == "text/html"
    pm25 = service.get("/ObservedProperties('pm25')")
    assert pm25["definition"].startswith("http://vocab.nerc.ac.uk/standard_name/mass_concentration")


def test_every_set_is_whole(service: Service) -> None:
    sensors = service.registry.sensors()
    assert service.ids("/Things") == sorted(sensors)
    channels = sorted(f"{s.id}:{key}" for s in sensors.values() for key in s.parameters)
    assert service.ids("/Datastreams") == channels
    assert service.ids("/Locations") == sorted(service.registry.stations())
    assert set(service.ids("/Sensors")) == {sensor.model for sensor in sensors.values()}


# req/resource-path/resource-path-to-entities


@pytest.mark.parametrize(
    "path",
    [
        "/Things",
        f"/Things('{NOISE}')",
        f"/Things('{NOISE}')/name",
        f"/Things('{NOISE}')/name/$value",
        f"/Things('{NOISE}')/properties/$value",
        f"/Things('{NOISE}')/Datastreams",
        f"/Things('{NOISE}')/Datastreams/$ref",
        f"/Things('{NOISE}')/Datastreams('{LAEQ}')",
        f"/Things('{NOISE}')/Datastreams('{LAEQ}')/Observations",
        f"/Things('{NOISE}')/Datastreams('{LAEQ}')/Observations/$ref",
        f"/Datastreams('{LAEQ}')/Thing",
        f"/Datastreams('{LAEQ}')/Thing/$ref",
        f"/Datastreams('{LAEQ}')/Thing/Locations",
        f"/Datastreams('{LAEQ}')/ObservedProperty/name/$value",
        f"/Datastreams('{LAEQ}')/Thing/Locations('st-noise-dongmen')/Things",
        f"/Observations('{LAEQ}:1795478400000')/Datastream/Thing/HistoricalLocations",
        f"/Observations('{LAEQ}:1795478400000')/FeatureOfInterest/feature",
        f"/Datastreams('{LAEQ}')/Observations('{LAEQ}:1795478400000')/result/$value",
    ],
)
def test_resource_path_to_entities(service: Service, path: str) -> None:
    assert service.client.get(ROOT + path).status_code == 200


def test_resource_path_answers_are_what_they_name(service: Service) -> None:
    assert service.get(f"/Things('{NOISE}')/name") == {"name": NOISE}
    assert service.ask(f"/Things('{NOISE}')/name/$value").text == NOISE
    first = f"/Datastreams('{LAEQ}')/Observations('{LAEQ}:1795478400000')"
    value = service.ask(f"{first}/result/$value")
    assert value.text == "50.0"
    assert value.headers["content-type"].startswith("text/plain")
    refs = service.get(f"/Things('{NOISE}')/Datastreams/$ref")["value"]
    assert [urlsplit(each["@iot.selfLink"]).path for each in refs] == [
        f"{ROOT}/Datastreams('{NOISE}:laeq')",
        f"{ROOT}/Datastreams('{NOISE}:lmax')",
    ]
    assert service.get(f"/Datastreams('{LAEQ}')/Thing")["@iot.id"] == NOISE


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/Thing", "no entity set 'Thing'"),
        ("/Things('none')", "no Thing with the id 'none'"),
        ("/Things(1)", "write them in quotes"),
        (f"/Things('{AIR}')/Datastreams('{LAEQ}')", "leads to no Datastreams"),
        (f"/Things('{NOISE}')/serial", "no 'serial'"),
        (f"/Things('{NOISE}')/Observations", "no 'Observations'"),
        ("/Things/Datastreams", "name one"),
        (f"/Datastreams('{LAEQ}')/Observations('{NOISE}:lmax:1795478400000')", "leads to no"),
        ("/Observations('x')", "no Observation"),
        ("/Observations('a:b:99999999999999999999')", "no Observation"),
        ("/MultiDatastreams", "no entity set"),
    ],
)
def test_status_code_404(service: Service, path: str, told: str) -> None:
    assert told in service.refused(path, 404)


# req/request-data/status-code, query-status-code


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"filter": "name eq"}, "sign 8: found the end"),
        ({"filter": "name eq 5"}, "compares a text with a number"),
        ({"filter": "serial eq '1'"}, "no 'serial'; they have @iot.id, name"),
        ({"filter": "name"}, "name is a text and no condition"),
        ({"filter": "length(name,name) eq 1"}, "takes 1 arguments"),
        ({"filter": "len(name) eq 1"}, "no function 'len'"),
        ({"filter": "Datastreams eq 1"}, "ends at entities"),
        ({"filter": "properties eq 1"}, "a JSON object"),
        ({"orderby": "name up"}, "asc, desc or nothing"),
        ({"orderby": "serial"}, "no 'serial'"),
        ({"orderby": "Datastreams/name"}, "many values"),
        ({"select": "serial"}, "no 'serial'"),
        ({"expand": "Sensors"}, "lead to Locations"),
        ({"expand": "Datastreams($top=1"}, "not closed"),
        ({"expand": "Datastreams($up=1)"}, "no query option '$up'"),
        ({"top": "-1"}, "no whole number"),
        ({"skip": "x"}, "no whole number"),
        ({"count": "yes"}, "neither true nor false"),
        ({"skiptoken": "WyJh"}, "begin again"),
        ({"skiptoken": "WzEsMl0"}, "begin again"),
        ({"apply": "x"}, "no query option '$apply'"),
        ({"filter": "phenomenonTime gt 2026-11-24T00:00:00"}, "needs its offset"),
    ],
)
def test_query_status_code_400_tells_what_is_wrong(
    service: Service, options: dict[str, str], told: str
) -> None:
    assert told in service.refused("/Things", 400, **options)


def test_query_status_code_of_an_option_that_stands_twice(service: Service) -> None:
    answer = service.client.get(f"{ROOT}/Things?$top=1&$top=2")
    assert answer.status_code == 400
    assert "stands twice" in answer.json()["message"]


def test_query_status_code_of_options_for_a_single_entity(service: Service) -> None:
    told = service.refused(f"/Things('{NOISE}')", 400, filter="name eq 'x'")
    assert "a single entity takes" in told


@pytest.mark.parametrize(
    "text",
    [
        "geo.distance(Locations/location, geography'POINT (114 22)') lt 1",
        "st_within(Locations/location, Locations/location)",
        "Datastreams/Observations/result gt 5",
    ],
)
def test_query_status_code_501_for_what_is_not_offered(service: Service, text: str) -> None:
    assert "not" in service.refused("/Things", 501, filter=text)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_status_code_405_for_writing(service: Service, method: str) -> None:
    answer = service.client.request(method, f"{ROOT}/Things('{NOISE}')", json={"name": "x"})
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.json()["code"] == 405
    assert "read only" in answer.json()["message"]


# req/request-data/order: filter, count, orderby, skip, top; then select and expand


def test_order_of_evaluation(service: Service) -> None:
    found = service.get(
        "/Datastreams",
        filter="ObservedProperty/@iot.id eq 'pm25'",
        count="true",
        orderby="name desc",
        skip="1",
        top="2",
        select="name",
        expand="Thing($select=name)",
    )
    everything = service.all("/Datastreams", filter="ObservedProperty/@iot.id eq 'pm25'")
    names = sorted((each["name"] for each in everything), reverse=True)
    assert found["@iot.count"] == len(names)
    assert [each["name"] for each in found["value"]] == names[1:3]
    assert all(set(each) == {"name", "Thing"} for each in found["value"])


# req/request-data/expand


def test_expand_to_one_and_to_many(service: Service) -> None:
    found = service.get(f"/Datastreams('{LAEQ}')", expand="Thing,Sensor,ObservedProperty")
    assert found["Thing"] == service.get(f"/Things('{NOISE}')")
    assert found["Sensor"]["@iot.id"] == "NM-S1"
    assert found["ObservedProperty"]["@iot.id"] == "laeq"
    assert "Thing@iot.navigationLink" not in found
    thing = service.get(f"/Things('{NOISE}')", expand="Datastreams,Locations")
    assert [each["@iot.id"] for each in thing["Datastreams"]] == [LAEQ, f"{NOISE}:lmax"]
    assert thing["Locations"][0] == service.get("/Locations('st-noise-dongmen')")


def test_expand_by_path_and_by_brackets_is_the_same(service: Service) -> None:
    ways = "Datastreams/ObservedProperty,Datastreams/Sensor"
    by_path = service.get("/Things", top="3", expand=ways)
    bracketed = service.get(
        "/Things", top="3", expand="Datastreams($expand=ObservedProperty,Sensor)"
    )
    assert by_path["value"] == bracketed["value"]
    assert by_path["value"][0]["Datastreams"][0]["Sensor"]["@iot.id"]


def test_expand_takes_every_option(service: Service) -> None:
    inner = (
        "$filter=ObservedProperty/properties/unit eq 'ug/m3' and not (name eq 'a;b,(c');"
        "$orderby=name desc;$top=2;$skip=1;$count=true;$select=name;$expand=Sensor($select=id)"
    )
    found = service.get(f"/Things('{AIR}')", expand=f"Datastreams({inner})")
    streams = found["Datastreams"]
    assert found["Datastreams@iot.count"] == 5
    assert [set(each) for each in streams] == [{"name", "Sensor"}] * 2
    assert streams[0]["name"] > streams[1]["name"]
    rest = service.client.get(found["Datastreams@iot.nextLink"]).json()
    assert len(rest["value"]) == 2
    assert rest["@iot.count"] == 5
    assert rest["value"][0]["name"] < streams[1]["name"]


def test_expand_of_observations(service: Service) -> None:
    found = service.get(
        "/Datastreams",
        filter=f"Thing/@iot.id eq '{NOISE}'",
        expand="Observations($top=1;$orderby=phenomenonTime desc)",
    )
    latest = {each["@iot.id"]: each["Observations"] for each in found["value"]}
    assert [each["phenomenonTime"] for each in latest[LAEQ]] == ["2026-11-24T23:59:00.000Z"]
    filtered = service.get(
        f"/Datastreams('{LAEQ}')",
        expand="Observations($filter=result ge 79;$top=3;$count=true;$select=result)",
    )
    assert filtered["Observations"] == [{"result": 79.0}] * 3
    assert filtered["Observations@iot.count"] == 48
    following = service.client.get(filtered["Observations@iot.nextLink"]).json()
    assert following["value"] == [{"result": 79.0}] * 3


def test_expand_is_bounded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "Thing/Datastreams/Thing/Datastreams/Thing/Datastreams"
    assert "nested deeper" in service.refused("/Datastreams", 400, expand=deep)
    wide = "Thing($expand=Datastreams($expand=Thing($expand=Datastreams)))"
    service.get("/Datastreams", expand=wide, top="5")
    monkeypatch.setattr(telling, "MOST_EXPANDED_ENTITIES", 30)
    assert "lower $top" in service.refused("/Datastreams", 400, expand=wide)


# req/request-data/select


def test_select_gives_what_is_named_and_nothing_else(service: Service) -> None:
    found = service.get("/Things", select="name,id", top="2")["value"]
    assert [set(each) for each in found] == [{"@iot.id", "name"}] * 2
    linked = service.get(f"/Things('{NOISE}')", select="@iot.selfLink,Datastreams")
    assert set(linked) == {"@iot.selfLink", "Datastreams@iot.navigationLink"}


# req/request-data/orderby


def test_orderby_several_keys_each_its_way_and_by_path(service: Service) -> None:
    found = service.all(
        "/Datastreams",
        orderby="ObservedProperty/properties/unit desc,Thing/properties/cadence_s,name desc",
        expand="ObservedProperty,Thing",
    )
    keys = [
        (
            each["ObservedProperty"]["properties"]["unit"],
            each["Thing"]["properties"]["cadence_s"],
            each["name"],
        )
        for each in found
    ]
    expected = sorted(keys, key=lambda key: key[2], reverse=True)
    expected.sort(key=lambda key: key[1])
    expected.sort(key=lambda key: key[0], reverse=True)
    assert keys == expected
    assert len(found) > 200


def test_orderby_puts_what_is_nothing_last(service: Service) -> None:
    for way in ("asc", "desc"):
        zones = [
            each["properties"]["bay"]
            for each in service.all("/Locations", orderby=f"properties/bay {way}")
        ]
        there = [zone for zone in zones if zone is not None]
        assert there == sorted(there, reverse=way == "desc")
        assert zones == [*there, *[None] * (len(zones) - len(there))]
        assert 0 < len(there) < len(zones)


# req/request-data/top, skip, count


def test_top(service: Service) -> None:
    assert len(service.get("/Datastreams", top="7")["value"]) == 7
    assert service.get("/Datastreams", top="0")["value"] == []
    assert len(service.get("/Observations", top="999999")["value"]) == 1000


def test_skip(service: Service) -> None:
    ids = service.ids("/Things")
    skipped = service.get("/Things", skip="5", top="3")["value"]
    assert [each["@iot.id"] for each in skipped] == ids[5:8]
    assert service.get("/Things", skip="100000")["value"] == []


def test_count(service: Service) -> None:
    things = service.get("/Things", count="true", top="1")
    assert things["@iot.count"] == len(service.registry.sensors())
    assert "@iot.count" not in service.get("/Things", count="false")
    assert service.get("/Observations", count="true", top="0")["@iot.count"] == 3456


# req/request-data/pagination


@pytest.mark.parametrize("name", SETS)
def test_pagination_leads_through_everything_once(service: Service, name: str) -> None:
    whole = service.get(f"/{name}", top="1000")["value"]
    ids = [each["@iot.id"] for each in whole]
    size = max(2, len(ids) // 7)
    paged = []
    for page in service.pages(f"/{name}", top=str(size)):
        assert len(page["value"]) <= size
        paged += [each["@iot.id"] for each in page["value"]]
    assert paged[: len(ids)] == ids
    assert len(set(paged)) == len(paged)


def test_pagination_keeps_filter_order_and_selection(service: Service) -> None:
    options = {
        "filter": "startswith(name,'noise') and not (properties/district eq 'a''b')",
        "orderby": "properties/district desc,properties/cadence_s",
        "select": "id,properties",
        "count": "true",
    }
    whole = service.get("/Things", **options, top="1000")["value"]
    assert len(whole) > 5
    assert service.all("/Things", **options, top="2") == whole


def test_pagination_without_top_is_by_a_hundred(service: Service) -> None:
    page = service.get("/Datastreams")
    assert len(page["value"]) == 100
    assert "@iot.nextLink" in page
