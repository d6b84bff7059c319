"""The certificate that devices need is there for technicians, and nothing else of its file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from console import create_app
from console.device_broker import DeviceBroker
from onenet.certificates import make_authority
from registry.accounts import RegistryIsTheList
from schemas.people import Role
from tests.city import demo_registry
from tests.console.visiting import client_with, send

SENSOR = "/sensors/noise-dongmen-1"


@pytest.mark.parametrize("kept", ["a certificate", "its key beside it", "nothing", "rubbish"])
def test_the_certificate_can_be_downloaded_where_the_credentials_are(
    kept: str, tmp_path: Path
) -> None:
    registry = demo_registry(tmp_path)
    pair, path = make_authority(datetime.now(UTC)), tmp_path / "ca.crt"
    content = {
        "a certificate": pair.certificate,
        "its key beside it": pair.key + pair.certificate,
        "rubbish": "x",
    }.get(kept)
    if content is not None:
        path.write_text(content, "ascii")
    broker = DeviceBroker(
        RegistryIsTheList(), lambda *_: True, "mqtt.example", 8883, tls=True, authority=path
    )
    url = f"sqlite:///{tmp_path}/registry.db"
    app = create_app(store_url=f"sqlite:///{tmp_path}/o.db", registry_url=url, broker=broker)
    client = client_with(app, Role.TECHNICIAN)
    shown = send(client, f"{SENSOR}/credentials", form_of=SENSOR)
    assert 'href="/ca.crt"' in shown.text
    assert 'href="/ca.crt"' in client.get(SENSOR).text
    answer = client.get("/ca.crt")
    if kept in ("nothing", "rubbish"):
        assert answer.status_code == 404
    else:
        assert answer.text == pair.certificate
        assert "attachment" in answer.headers["content-disposition"]
    registry.close()


def test_without_one_there_is_no_link(tmp_path: Path) -> None:
    demo_registry(tmp_path).close()
    broker = DeviceBroker(RegistryIsTheList(), lambda *_: True, "127.0.0.1", 1883)
    url = f"sqlite:///{tmp_path}/registry.db"
    app = create_app(store_url=f"sqlite:///{tmp_path}/o.db", registry_url=url, broker=broker)
    client = client_with(app, Role.TECHNICIAN)
    assert "/ca.crt" not in client.get(SENSOR).text
    assert client.get("/ca.crt").status_code == 404
