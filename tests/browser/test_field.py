"""A technician with a phone: register, read the credentials, see the sensor come to life, sign off.

Everything is real: the form in Chromium, the embedded broker with its gate over the registry,
ingest and the emulated device as processes, the credentials as they stood on the screen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from console import create_app
from console.device_broker import DeviceBroker
from onenet.broker import Account, EmbeddedBroker
from onenet.gate import RegistryGate
from registry import Registry, migrate, open_registry, seed_demo_city
from registry.accounts import RegistryIsTheList
from registry.commands import orders, publisher
from schemas import SystemClock
from schemas.people import Role
from tests.brokers import DATA, free_port
from tests.console.test_sensor_pages import picture
from tests.console.visiting import PASSWORD, admit

PHONE = {"width": 390, "height": 844}
pytestmark = pytest.mark.browser


@dataclass
class Place:
    """A whole small installation."""

    home: Path
    url: str
    broker_port: int
    environment: dict[str, str]
    registry: Registry

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.home / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "onenet", *arguments],
                env={**os.environ, **self.environment},
                cwd=self.home,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("field")
    registry_url, store_url = f"sqlite:///{home}/r.db", f"sqlite:///{home}/o.db"
    migrate(registry_url)
    registry = open_registry(registry_url)
    seed_demo_city(registry)
    admit(registry, "li", Role.TECHNICIAN, name="李工")
    services = {
        "ingest": Account("secret-in", subscribe=(DATA,)),
        "operator": Account("secret-out", publish=(DATA,)),
    }
    broker = EmbeddedBroker(
        free_port(), services, RegistryGate(registry, SystemClock(), notes=True)
    )
    broker.start()
    health = free_port()
    environment = {
        "ONENET_STORE_URL": store_url,
        "ONENET_REGISTRY_URL": registry_url,
        "ONENET_MQTT_PORT": str(broker.port),
        "ONENET_MQTT_VERSION": "4",
        "ONENET_MQTT_USERNAME": "ingest",
        "ONENET_MQTT_PASSWORD": "secret-in",
        "ONENET_INGEST_PORT": str(health),
    }
    operator = {
        **environment,
        "ONENET_MQTT_USERNAME": "operator",
        "ONENET_MQTT_PASSWORD": "secret-out",
    }
    ours = DeviceBroker(RegistryIsTheList(), publisher(operator), "127.0.0.1", broker.port)
    app = create_app(store_url=store_url, registry_url=registry_url, broker=ours)
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    made = Place(home, f"http://127.0.0.1:{port}", broker.port, environment, registry)
    with made.running("ingest"):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if httpx.get(f"http://127.0.0.1:{health}/healthz", timeout=1).json()["subscribed"]:
                    break
            except (httpx.HTTPError, KeyError):
                time.sleep(0.1)
        yield made
    server.should_exit = True
    thread.join(10)
    broker.stop()
    registry.close()


@pytest.fixture
def phone(browser: Browser, place: Place) -> Iterator[Page]:
    """A phone on which the technician is logged in, standing in Luohu; complaints fail the test."""
    context = browser.new_context(
        viewport=PHONE,
        has_touch=True,
        geolocation={"longitude": 114.1165, "latitude": 22.5521, "accuracy": 8},
        permissions=["geolocation"],
        base_url=place.url,
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/login")
    page.fill("input[name=name]", "li")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/")
    yield page
    context.close()
    # That a form comes back as 422 is meant; the browser mentions it.
    assert [text for text in complaints if "status of 422" not in text] == []


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= 390"))


def knock(place: Place, username: str, password: str) -> None:
    """Try to connect once, as a device does."""
    answered = threading.Event()
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311, reconnect_on_failure=False
    )
    client.username_pw_set(username, password)
    client.on_connect = lambda *_: answered.set()
    client.connect("127.0.0.1", place.broker_port)
    client.loop_start()
    assert answered.wait(60)
    client.loop_stop()


def register(page: Page, serial: str) -> None:
    page.goto("/sensors/new")
    page.fill("input[name=serial]", serial)
    page.select_option("select[name=model]", "NM-S1")
    page.wait_for_selector("#channels input[value=laeq]:checked")
    page.click("#locate")
    expect(page.locator("input[name=lon]")).to_have_value("114.116500")


def test_from_the_form_to_the_signature(phone: Page, place: Place) -> None:
    register(phone, "SN26-7001")
    assert phone.input_value("select[name=station]") == "st-noise-dongmen", "the nearest"
    media = phone.eval_on_selector_all(
        "select[name=station] option[data-medium]", "all => all.map(o => o.dataset.medium)"
    )
    assert set(media) == {"noise"}
    assert "25–130 dB(A)" in phone.inner_text("#channels")
    photo = place.home / "site.jpg"
    photo.write_bytes(picture(size=(1200, 900)))
    phone.set_input_files("input[name=photo]", str(photo))
    phone.wait_for_selector("#preview:not([hidden])")
    assert fits(phone)
    begun = time.monotonic()
    phone.click("form#register > button")

    username = phone.inner_text("#username")
    password = phone.inner_text("#password")
    assert phone.locator("img.code").count() == 1
    assert fits(phone)
    phone.click("text=投运检查")
    assert password not in phone.content()
    assert phone.locator(".check.wait").count() >= 3
    assert phone.locator("#sign").is_disabled()
    knock(place, username, password[:-1])
    expect(phone.locator("#checks")).to_contain_text("它正用错误的密码登录", timeout=60_000)
    assert fits(phone)

    device = {
        "id": username,
        "medium": "noise",
        "source": "emulator:noise-road",
        "cadence_s": 60,
        "parameters": ["laeq", "lmax"],
        "username": username,
        "password": password,
    }
    fleet = place.home / "fleet.json"
    fleet.write_text(json.dumps([device]), "utf-8")
    simulate = ["simulate", "--fleet", str(fleet), "--port", str(place.broker_port)]
    with place.running(*simulate, "--mqtt-version", "4", "--cadence-scale", "0.05"):
        phone.wait_for_selector("#checks [data-ready=yes]", timeout=180_000)
        print(f"from the form to all green: {time.monotonic() - begun:.1f} s")
        assert phone.locator(".check.ok").count() >= 8
        assert phone.locator(".check.fail, .check.wait").count() == 0
        phone.fill("textarea[name=note]", "灯杆3米处")
        phone.click("#sign")
        assert "li 已于" in phone.inner_text("#signed")
        assert place.registry.sensors()[username].state == "active"  # type: ignore[index]

        # A command goes out, the emulated device answers it.
        phone.goto(f"/sensors/{username}")
        assert fits(phone)
        phone.click("summary:has-text('下发指令')")
        phone.select_option("form[action$='/commands'] select", "restart")
        phone.click("form[action$='/commands'] button")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if orders(place.registry, username, SystemClock().now())[0].state == "done":
                break
            time.sleep(0.2)
        phone.reload()
        assert "已执行" in phone.inner_text("main")
    phone.goto(f"/sensors/{username}/label")
    assert fits(phone)


def test_a_wrong_entry_is_told_beside_what_was_typed(phone: Page) -> None:
    register(phone, "SN26-0001")
    phone.click("form#register > button")
    assert "noise-huaqiangbei-1" in phone.inner_text(".notice.bad")
    assert phone.input_value("input[name=serial]") == "SN26-0001"
    assert phone.input_value("select[name=station]") == "st-noise-dongmen"
    assert fits(phone)


def test_the_form_is_complete_without_javascript(browser: Browser, place: Place) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, base_url=place.url)
    page = context.new_page()
    page.goto("/login?next=/sensors/new")
    page.fill("input[name=name]", "li")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.fill("input[name=serial]", "SN26-7003")
    page.select_option("select[name=model]", "SL-T3")
    page.select_option("select[name=station]", "st-soil-lianhua")
    page.click("form#register > button")
    assert page.locator("#password").count() == 1
    context.close()


def test_work_orders_fit_a_phone(phone: Page) -> None:
    for path in ("/workorders", "/sensors", "/sensors/import", "/sensors/noise-dongmen-1"):
        phone.goto(path)
        assert fits(phone), path
