"""Who is answered, with what, and what stands around the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fastapi.testclient import TestClient

from console import create_app
from console.access import Access
from storage import open_store
from tests.city import demo_registry
from tests.sensorthings.service import LAEQ, NOISE, ROOT, Service, reading, serve


def test_no_serial_number_leaves_the_house(service: Service) -> None:
    serials = {sensor.serial for sensor in service.registry.sensors().values()}
    for name in ("Things", "Datastreams", "Sensors", "Locations", "HistoricalLocations"):
        for page in service.pages(f"/{name}", top="1000"):
            text = str(page)
            assert not [serial for serial in serials if serial in text]
            assert "'source'" not in text
            assert "password" not in text.lower()


def test_enterprises_own_observations_are_not_published(tmp_path: Path) -> None:
    registry, url = demo_registry(tmp_path), f"sqlite:///{tmp_path}/o.db"
    store = open_store(url)
    outfall = "water-outfall-kengzi-chem-1"
    now = datetime(2026, 11, 24, tzinfo=UTC)
    store.write([reading(outfall, now, ph=7.0), reading(NOISE, now, laeq=50.0)])
    service = serve(url, "", store, registry)
    stream = service.get(f"/Datastreams('{outfall}:ph')")
    assert stream["properties"]["observations"] is False
    assert "phenomenonTime" not in stream
    assert service.get(f"/Datastreams('{outfall}:ph')/Observations", count="true") == {
        "@iot.count": 0,
        "value": [],
    }
    assert service.get("/FeaturesOfInterest('st-outfall-kengzi-chem')/Observations")["value"] == []
    assert service.ids("/Observations") == [f"{LAEQ}:1795478400000"]
    service.refused(f"/Observations('{outfall}:ph:1795478400000')", 404)
    store.close()
    registry.close()


def test_a_closed_city_is_closed_here_too(service: Service) -> None:
    app = create_app(
        store_url=service.store_url,
        registry_url=str(service.registry.engine.url),
        access=Access(public_board=False),
    )
    answer = TestClient(app).get(f"{ROOT}/Things")
    assert answer.status_code == 401
    assert answer.json()["code"] == 401
    assert "Things" not in answer.text


def test_pages_of_other_sites_may_read_it(service: Service) -> None:
    for answer in (service.ask("/Things"), service.ask("/Nothing")):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_answer_that_is_still_the_same_is_not_sent_again(service: Service) -> None:
    first = service.ask("/Things")
    assert first.headers["cache-control"] == "public, max-age=5"
    again = service.client.get(f"{ROOT}/Things", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    other = service.client.get(f"{ROOT}/Sensors", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_head_is_get_without_a_body(service: Service) -> None:
    answer = service.client.head(f"{ROOT}/Things")
    assert answer.status_code == 200
    assert answer.content == b""


def test_text_from_the_registry_stays_text(service: Service) -> None:
    value = service.ask(f"/Things('{NOISE}')/name/$value")
    assert value.headers["content-type"] == "text/plain; charset=utf-8"
    odd = service.ask("/Things('<script>alert(1)</script>')")
    assert odd.status_code == 404
    assert odd.headers["content-type"] == "application/json"


def test_a_city_that_changed_is_told_at_once(tmp_path: Path) -> None:
    registry, url = demo_registry(tmp_path), f"sqlite:///{tmp_path}/o.db"
    store = open_store(url)
    service = serve(url, "", store, registry)
    assert service.get(f"/Things('{NOISE}')")["properties"]["state"] == "active"
    sensor = registry.sensors()[NOISE]  # type: ignore[index]
    registry.add(sensors=[sensor.model_copy(update={"state": "retired"})])
    assert service.get(f"/Things('{NOISE}')")["properties"]["state"] == "retired"
    store.close()
    registry.close()
