"""The label of a device in front of a phone's camera: it fills in the form.

Chromium is given a video instead of a camera. On Linux it has no BarcodeDetector, as Safari has
none on any phone, so the server reads the pictures; both ways end in the same form.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from console import create_app
from schemas.people import Role
from tests.browser.conftest import CHROMIUM
from tests.city import demo_registry
from tests.console.visiting import PASSWORD, admit
from tests.parts import need
from tests.serving import serving

pytestmark = pytest.mark.browser
LABEL = "onenet:serial=SN26-7777;model=AQ-P6"
WIDTH, HEIGHT = 640, 480


def label(text: str, *, side: int = 260) -> Image.Image:
    """A label as a camera sees it: somewhat askew, grey, not filling the picture."""
    drawn = io.BytesIO()
    segno.make(text, error="m").save(drawn, kind="png", scale=8, border=4)
    code = Image.open(drawn).convert("L").resize((side, side))
    seen = Image.new("L", (WIDTH, HEIGHT), 140)
    seen.paste(code.rotate(7, expand=True, fillcolor=140), (150, 90))
    return seen


def video(picture: Image.Image, path: Path, frames: int = 10) -> Path:
    """An uncompressed YUV4MPEG2 film of one picture; Chromium plays it round and round."""
    luma = picture.tobytes()
    grey = bytes([128]) * (WIDTH * HEIGHT // 2)
    head = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + (b"FRAME\n" + luma + grey) * frames)
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("scanning")
    registry = demo_registry(home)
    admit(registry, "li", Role.TECHNICIAN)
    url = f"sqlite:///{home}/registry.db"
    with serving(create_app(store_url=f"sqlite:///{home}/o.db", registry_url=url)) as found:
        yield found
    registry.close()


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose camera sees the label."""
    need("chromium", Path(CHROMIUM).exists())
    film = video(label(LABEL), tmp_path_factory.mktemp("film") / "label.y4m")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={film}",
            ],
        )
        yield opened
        opened.close()


@pytest.fixture
def form(camera: Browser, address: str) -> Iterator[Page]:
    context = camera.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        base_url=address,
        permissions=["camera"],
    )
    page = context.new_page()
    page.goto("/login?next=/sensors/new")
    page.fill("input[name=name]", "li")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_selector("#register")
    yield page
    context.close()


def filled(page: Page) -> None:
    expect(page.locator("input[name=serial]")).to_have_value("SN26-7777", timeout=60_000)
    expect(page.locator("select[name=model]")).to_have_value("AQ-P6")
    page.wait_for_selector("#channels input[value=pm25]:checked")
    assert "已读取" in page.inner_text("#scan-note")


def test_the_camera_reads_the_label(form: Page) -> None:
    form.click("#scan")
    filled(form)
    assert form.locator("#camera").is_hidden(), "the camera is off again"
    assert form.evaluate("document.documentElement.scrollWidth <= 390")


def test_a_photo_of_the_label_does_as_well(form: Page, tmp_path: Path) -> None:
    label(LABEL).resize((2560, 1920)).save(tmp_path / "photo.jpg")
    form.set_input_files("#label-photo", str(tmp_path / "photo.jpg"))
    filled(form)


def test_a_photo_without_a_code_says_what_to_do(form: Page, tmp_path: Path) -> None:
    Image.new("RGB", (800, 600), "gray").save(tmp_path / "wall.jpg")
    form.set_input_files("#label-photo", str(tmp_path / "wall.jpg"))
    expect(form.locator("#scan-note")).to_contain_text("没有读到条码", timeout=30_000)
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    form.set_input_files("#label-photo", str(tmp_path / "no.jpg"))
    expect(form.locator("#scan-note")).to_contain_text("没有读到条码", timeout=30_000)


def test_a_browser_that_reads_codes_itself_asks_nobody(camera: Browser, address: str) -> None:
    """As Chrome on Android: its detector is put in place by the test."""
    context = camera.new_context(base_url=address, permissions=["camera"])
    context.add_init_script(
        "window.BarcodeDetector = class { async detect() "
        f"{{ return [{{ rawValue: '{LABEL}' }}]; }} }};"
    )
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/login?next=/sensors/new")
    page.fill("input[name=name]", "li")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.click("#scan")
    filled(page)
    assert not [url for url in asked if url.endswith("/sensors/scan")]
    context.close()
