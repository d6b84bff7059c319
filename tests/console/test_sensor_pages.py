"""Registering, commissioning and keeping sensors, through the console's pages and its API."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from PIL import Image

from console import create_app
from console.device_broker import DeviceBroker
from console.pictures import as_jpeg
from registry import Registry, migrate, open_registry, seed_demo_city
from registry.accounts import NotReachable, RegistryIsTheList
from registry.commands import answered
from registry.contacts import Contact, keep
from registry.credentials import admitted, credentials
from registry.devices import device, photo
from registry.loggers import admitted_loggers, fits
from registry.maintenance import suppressed
from registry.problems import Refused
from registry.work_orders import open_order, work_order
from schemas import FlaggedReading, ParameterKey, SensorId, SystemClock
from schemas.people import Role
from schemas.wire import Reply
from storage import Store, open_store
from tests.console.visiting import client_with, csrf_of, send

GOOD = {"serial": "SN26-9001", "model": "NM-S1", "station": "st-noise-dongmen"}
NEW = SensorId("noise-dongmen-2")
HOSTILE = "<script>alert(1)</script>"


@dataclass
class Site:
    """A console over an empty store and the demo city; what it sends to the broker is kept."""

    registry: Registry
    store: Store
    client: TestClient
    sent: list[tuple[str, bytes]]

    def post(self, path: str, form_of: str, **fields: Any) -> Response:
        return send(self.client, path, form_of=form_of, **fields)

    def register(self, **changes: Any) -> Response:
        return self.post("/sensors/new", "/sensors/new", **{**GOOD, **changes})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    registry_url, store_url = f"sqlite:///{tmp_path}/r.db", f"sqlite:///{tmp_path}/o.db"
    migrate(registry_url)
    registry, store = open_registry(registry_url), open_store(store_url)
    seed_demo_city(registry)
    sent: list[tuple[str, bytes]] = []

    def publish(topic: str, payload: bytes) -> bool:
        sent.append((topic, payload))
        return True

    broker = DeviceBroker(RegistryIsTheList(), publish, "mqtt.city.example", 8883, True)
    app = create_app(store_url=store_url, registry_url=registry_url, broker=broker)
    yield Site(registry, store, client_with(app, Role.TECHNICIAN), sent)
    store.close()
    registry.close()


def password_in(page: str) -> str:
    found = re.search(r'id="password">([^<]+)<', page)
    assert found is not None
    return found.group(1)


def test_a_form_registers_and_shows_credentials_once(site: Site) -> None:
    answer = site.register(lon="114.1164", lat="22.552", note=HOSTILE, firmware="1.4.2")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "只显示这一次" in answer.text
    assert "mqtt.city.example:8883" in answer.text
    password = password_in(answer.text)
    assert admitted(site.registry, NEW, password, SystemClock().now()) is not None
    for path in ("", "/commissioning", "/label"):
        page = site.client.get(f"/sensors/{NEW}{path}").text
        assert password not in page
        assert HOSTILE not in page
    about = device(site.registry, NEW)
    assert about is not None
    assert (about.registered_by, about.zone) == ("v-technician-city", "4a")
    assert site.register().status_code == 422, "sent again by reloading"


def test_what_is_wrong_is_told_beside_what_was_typed(site: Site) -> None:
    answer = site.register(serial="SN26-0001", lon="113.0", model="AQ-P6", note=HOSTILE)
    assert answer.status_code == 422
    assert "noise-huaqiangbei-1" in answer.text
    assert 'value="SN26-0001"' in answer.text
    assert answer.text.count("<li><b>") >= 3
    assert HOSTILE not in answer.text
    assert NEW not in site.registry.sensors()


def test_when_the_broker_is_away_the_sensor_is_kept_and_told_so(site: Site) -> None:
    gate = site.client.app.state.gate  # type: ignore[attr-defined]
    away = DeviceBroker(NotReachable("down"), lambda *_: False)
    url = str(gate.registry.engine.url)
    app = create_app(store_url=url.replace("r.db", "o.db"), registry_url=url, broker=away)
    client = client_with(app, Role.TECHNICIAN)
    answer = send(client, "/sensors/new", form_of="/sensors/new", **GOOD)
    assert "暂时无法下发凭据" in answer.text
    assert NEW in site.registry.sensors()
    assert [c.state for c in credentials(site.registry, NEW)] == ["failed"]
    again = site.post(f"/sensors/{NEW}/credentials", f"/sensors/{NEW}")
    assert admitted(site.registry, f"{NEW}.2", password_in(again.text), SystemClock().now())


def test_a_technician_registers_in_the_own_district_only(site: Site) -> None:
    local = client_with(site.client.app, Role.TECHNICIAN, scopes=["district:nanshan"])  # type: ignore[arg-type]
    page = local.get("/sensors/new").text
    assert "st-noise-yuehai" in page
    assert "st-noise-dongmen" not in page
    assert send(local, "/sensors/new", form_of="/sensors/new", **GOOD).status_code == 403
    for path in ("retire", "calibrations", "maintenance", "exchange", "commands", "credentials"):
        answer = send(
            local, f"/sensors/noise-dongmen-1/{path}", form_of="/sensors/new", kind="span"
        )
        assert answer.status_code == 403, path


# Photos


def picture(form: str = "JPEG", size: tuple[int, int] = (3000, 2000)) -> bytes:
    target = io.BytesIO()
    image = Image.new("RGB", size, (40, 90, 120))
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    image.save(target, form, exif=exif)
    return target.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_encoded_anew_and_says_nothing_of_its_maker(form: str) -> None:
    kept = as_jpeg(picture(form) + b"<script>hidden</script>")
    opened = Image.open(io.BytesIO(kept))
    assert (opened.format, max(opened.size)) == ("JPEG", 1600)
    assert b"taken at home" not in kept
    assert b"hidden" not in kept


@pytest.mark.parametrize(
    "content", [b"no picture", b"<svg onload=alert(1)>", b"GIF89a" + b"\0" * 50, b"\xff\xd8\xff"]
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="no JPEG"):
        as_jpeg(content)


def test_a_picture_that_would_unfold_to_too_much_is_refused() -> None:
    with pytest.raises(Refused, match="MB"):
        as_jpeg(picture("PNG", (9000, 9000)))
    with pytest.raises(Refused, match="MB"):
        as_jpeg(b"\xff\xd8\xff" + b"\0" * (9 * 2**20))


def test_a_photo_comes_with_the_form_and_is_served_as_jpeg(site: Site) -> None:
    token = csrf_of(site.client.get("/sensors/new").text)
    answer = site.client.post(
        "/sensors/new",
        data={"csrf": token, **GOOD},
        files={"photo": ("x.html", picture(), "text/html")},
    )
    assert answer.status_code == 200
    shown = site.client.get(f"/sensors/{NEW}/photo")
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.content == photo(site.registry, NEW)
    bad = site.client.post(
        "/sensors/new",
        data={"csrf": token, **GOOD, "serial": "SN-2002"},
        files={"photo": ("x.jpg", b"<html>", "image/jpeg")},
    )
    assert bad.status_code == 422
    assert "noise-dongmen-3" not in site.registry.sensors()


# Commissioning


def states(page: str) -> dict[str, str]:
    return {
        name: state for state, name in re.findall(r'class="check (\w+)" data-check="(\w+)"', page)
    }


def comes_to_life(site: Site, sensor: SensorId) -> None:
    now = SystemClock().now()
    ms = int(now.timestamp() * 1000)
    values = {ParameterKey("laeq"): 66.0, ParameterKey("lmax"): 74.0}
    site.store.write([FlaggedReading(sensor, ms, values, {}, ms)])  # type: ignore[arg-type]
    contact = Contact("online", now, 1, now, now, 0.3, 3.9, -70.0, "1.4.2")
    keep(site.registry, {sensor: contact})


def test_a_sensor_is_signed_off_when_everything_has_passed_and_not_before(site: Site) -> None:
    site.register()
    path = f"/sensors/{NEW}/commissioning"
    page = site.client.get(path).text
    assert states(page)["account"] == "ok"
    assert states(page)["connected"] == "wait"
    assert 'id="sign" disabled' in page
    site.post(path, path, note="too early")
    assert site.registry.sensors()[NEW].state == "maintenance"

    comes_to_life(site, NEW)
    fragment = site.client.get(f"/sensors/{NEW}/checks").text
    assert 'data-ready="yes"' in fragment
    assert set(states(fragment).values()) <= {"ok", "skip", "warn"}
    api = site.client.get(f"/api/sensors/{NEW}/commissioning").json()
    assert api["ready"] is True
    assert {check["name"]: check["state"] for check in api["checks"]} == states(fragment)

    assert site.post(path, path, note="on the roof").status_code == 303
    assert site.registry.sensors()[NEW].state == "active"
    page = site.client.get(path).text
    assert "v-technician-city" in page
    assert "on the roof" in page
    assert 'id="sign"' not in page


# Life


def test_each_step_of_a_life_is_done_on_the_sensors_page(site: Site) -> None:
    site.register()
    page, now = f"/sensors/{NEW}", SystemClock().now
    steps: list[tuple[str, dict[str, Any]]] = [
        ("calibrations", {"parameter": "laeq", "reference": "94", "found": "94.3", "left": "94"}),
        ("maintenance", {"reason": HOSTILE}),
        ("maintenance/end", {}),
        ("exchange", {"part": HOSTILE, "firmware": "1.4.3"}),
        ("move", {"station": "st-noise-yuehai"}),
        ("commands", {"kind": "interval", "seconds": "30"}),
        ("retire", {"why": HOSTILE}),
    ]
    for path, fields in steps:
        answer = site.post(f"{page}/{path}", page, **fields)
        assert answer.status_code == 303, (path, answer.text)
        shown = site.client.get(page)
        assert shown.status_code == 200, path
        assert HOSTILE not in shown.text
        if path == "maintenance":
            assert suppressed(site.registry, NEW, now())
    assert site.registry.sensors()[NEW].state == "retired"
    assert {c.state for c in credentials(site.registry, NEW)} == {"revoked"}
    assert "+0.29 %" in site.client.get(page).text
    ((topic, payload),) = site.sent
    assert topic == f"onenet/v1/noise/{NEW}/cmd/json"
    assert b'"seconds":30' in payload


@pytest.mark.parametrize(
    ("path", "fields", "told"),
    [
        ("calibrations", {"parameter": "laeq", "reference": "x", "found": "94"}, "不是数字"),
        ("calibrations", {"parameter": "so2", "reference": "1", "found": "1"}, "不监测"),
        ("maintenance", {"start": "soon", "reason": "x"}, "不是日期"),
        ("maintenance", {"start": "2026-01-02", "end": "2026-01-01", "reason": "x"}, "晚于"),
        ("exchange", {"serial": "SN26-0001"}, "已属于"),
        ("move", {"station": "st-nowhere"}, "没有站点"),
        ("move", {"station": "st-noise-yuehai", "lon": "113.0"}, "最多"),
        ("commands", {"kind": "interval", "seconds": "often"}, "不是数字"),
    ],
)
def test_a_mistake_is_told_on_the_page_and_changes_nothing(
    site: Site, path: str, fields: dict[str, str], told: str
) -> None:
    page = "/sensors/noise-dongmen-1"
    before = site.registry.sensors()
    answer = site.post(f"{page}/{path}", page, **fields)
    assert answer.status_code == 422
    assert told in answer.text
    assert site.registry.sensors() == before
    assert site.sent == []


def test_credentials_are_rotated_quarantined_released_and_revoked(site: Site) -> None:
    site.register()
    page = f"/sensors/{NEW}"
    new = site.post(f"{page}/credentials", page, overlap_h="1")
    assert f"{NEW}.2" in new.text
    assert "重叠期" in new.text
    for step, state in (("suspend", "suspended"), ("resume", "active"), ("revoke", "revoked")):
        answer = site.post(f"{page}/credentials/{step}", page, why="a test")
        assert "已生效" in answer.text
        assert credentials(site.registry, NEW)[0].state == state


def test_the_state_of_a_command_is_shown(site: Site) -> None:
    page = "/sensors/noise-dongmen-1"
    site.post(f"{page}/commands", page, kind="restart")
    assert "已发送" in site.client.get(page).text
    number = re.search(r'"id":"(\w+)"', site.sent[0][1].decode())
    assert number is not None
    reply = Reply(id=number.group(1), state="refused", text=HOSTILE)
    answered(site.registry, [(SensorId("noise-dongmen-1"), reply)], SystemClock().now())
    text = site.client.get(page).text
    assert "设备拒绝" in text
    assert HOSTILE not in text


# Tables, work, API


def test_a_table_is_checked_first_and_written_when_asked(site: Site) -> None:
    token = csrf_of(site.client.get("/sensors/import").text)

    def upload(content: str, **more: str) -> Response:
        return site.client.post(
            "/sensors/import",
            data={"csrf": token, **more},
            files={"table": ("t.csv", content.encode(), "text/csv")},
        )

    head = "serial,model,station,note\n"
    good = f"{head}SN-1001,NM-S1,st-noise-dongmen,{HOSTILE}\n"
    bad = upload(f"{good}SN-1001,X,st-x,\n", write="yes")
    assert bad.status_code == 422
    assert "2 行，1 行有错" in bad.text
    assert HOSTILE not in bad.text
    assert NEW not in site.registry.sensors()
    assert upload(good).status_code == 200
    assert NEW not in site.registry.sensors()
    assert "已登记 1 台" in upload(good, write="yes").text
    assert NEW in site.registry.sensors()
    assert "CSV" in upload("\0").text
    csv = site.client.get("/sensors/export.csv").text
    assert "SN-1001" in csv
    assert site.client.get("/sensors/export.xlsx").content.startswith(b"PK")


def test_work_orders_are_of_the_own_area_taken_and_done(site: Site) -> None:
    now = SystemClock().now()
    facts = {"last": None, "hours": 3.0}
    mine = open_order(
        site.registry, "noise-dongmen-1", "silent", facts=facts, due=now, by="x", at=now
    )
    open_order(site.registry, "noise-yuehai-1", "drift", facts={}, due=now, by="x", at=now)
    local = client_with(site.client.app, Role.TECHNICIAN, scopes=["district:luohu"])  # type: ignore[arg-type]
    text = local.get("/workorders").text
    assert "noise-dongmen-1" in text
    assert "noise-yuehai-1" not in text
    assert "noise-yuehai-1" in local.get("/workorders?all=true").text
    assert send(local, f"/workorders/{mine}/take", form_of="/workorders").status_code == 303
    done = send(local, f"/workorders/{mine}/close", form_of="/workorders", resolution="new SIM")
    assert done.status_code == 303
    kept = work_order(site.registry, mine or 0)
    assert kept is not None
    assert (kept.state, kept.resolution) == ("closed", "new SIM")
    assert send(local, f"/workorders/{mine}/close", form_of="/workorders").status_code == 409
    assert len(site.client.get("/api/workorders").json()) == 1
    assert site.client.get("/api/calibrations/due").json() == []


def test_the_api_registers_and_tells_every_problem(site: Site) -> None:
    page = site.client.get("/account").text
    headers = {"X-CSRF-Token": csrf_of(page)}
    made = site.client.post("/api/sensors", json={**GOOD, "lon": 114.1164}, headers=headers)
    assert made.status_code == 201
    assert made.json()["id"] == NEW
    wrong = site.client.post(
        "/api/sensors", json={**GOOD, "station": "st-x", "lat": 1e9}, headers=headers
    )
    assert wrong.status_code == 422
    assert {p["field"] for p in wrong.json()["problems"]} == {"station", "lat"}
    one = site.client.get(f"/api/sensors/{NEW}").json()
    assert one["device"]["registered_by"] == "v-technician-city"
    assert site.client.get("/api/sensors/nobody").status_code == 404
    models = {model["key"]: model for model in site.client.get("/api/models").json()}
    assert models["NM-S1"]["channels"][0] == {
        "key": "laeq",
        "zh": "等效连续A声级",
        "en": "Equivalent sound level LAeq",
        "unit": "dB(A)",
        "low": 25,
        "high": 130,
    }


OUTFALL = "/sensors/water-outfall-songgang-plating-1"
MN = "010000A8900016F000169DC0"


def test_a_sensor_becomes_a_data_logger_on_its_page_and_its_password_is_seen_once(
    site: Site,
) -> None:
    answer = site.post(f"{OUTFALL}/logger", OUTFALL, mn=MN, upload="2051")
    found = re.search(r'id="logger-password">([a-z0-9]{6})<', answer.text)
    assert found
    assert answer.headers["cache-control"] == "no-store"
    assert fits(found[1], admitted_loggers(site.registry)[MN].hash)
    again = site.client.get(OUTFALL).text
    assert MN in again
    assert found[1] not in again
    taken = site.post("/sensors/air-lianhua-1/logger", "/sensors/air-lianhua-1", mn=MN)
    assert taken.status_code == 422
    assert "water-outfall-songgang-plating-1" in taken.text
    hostile = site.post(f"{OUTFALL}/logger", OUTFALL, mn=HOSTILE, password="123456")
    assert hostile.status_code == 422
    assert HOSTILE not in hostile.text
    site.post(f"{OUTFALL}/logger/remove", OUTFALL, why="line given up")
    assert admitted_loggers(site.registry) == {}


def test_the_api_sets_a_logger_and_takes_it_away(site: Site) -> None:
    path = f"/api{OUTFALL}/logger"
    token = {"X-CSRF-Token": csrf_of(site.client.get(OUTFALL).text)}
    made = site.client.put(path, json={"mn": MN}, headers=token)
    assert made.status_code == 200
    assert fits(made.json()["password"], admitted_loggers(site.registry)[MN].hash)
    given = site.client.put(path, json={"mn": MN, "password": "n4m5b6"}, headers=token)
    assert "password" not in given.json()
    assert fits("n4m5b6", admitted_loggers(site.registry)[MN].hash)
    bad = site.client.put(path, json={"mn": "a b", "password": "123456"}, headers=token)
    assert bad.status_code == 422
    assert {one["code"] for one in bad.json()["problems"]} == {
        "mn_malformed",
        "logger_password_common",
    }
    assert "123456" not in str(bad.json()["problems"][0])
    assert site.client.delete(path, headers=token).json() == {"removed": True}
    assert site.client.delete(path, headers=token).json() == {"removed": False}
    nobody = site.client.put("/api/sensors/nobody/logger", json={"mn": MN}, headers=token)
    assert nobody.status_code == 404
