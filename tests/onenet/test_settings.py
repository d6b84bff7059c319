"""Settings: the environment wins over the file, and what the file says reaches everybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onenet.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ONENET_")]:
        monkeypatch.delenv(name)
    return tmp_path


def test_the_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "onenet.toml").write_text('mqtt_host = "of-file"\nmqtt_port = 2000\n', "utf-8")
    monkeypatch.setenv("ONENET_MQTT_PORT", "3000")
    settings = Settings()
    assert (settings.mqtt_host, settings.mqtt_port) == ("of-file", 3000)


def test_rooms_below_and_children_see_what_the_file_says(folder: Path) -> None:
    """The rules' file is read by `alerts`, which knows the environment only."""
    (folder / "onenet.toml").write_text('rules = "own-rules.yaml"\n', "utf-8")
    Settings().share()
    try:
        assert os.environ["ONENET_RULES"] == "own-rules.yaml"
        assert "ONENET_MQTT_HOST" not in os.environ, "defaults are not set in stone"
    finally:
        os.environ.pop("ONENET_RULES", None)


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('mqtt_port = "many"\n', "mqtt_port"),
        ("mqtt_port = \n", "onenet.toml"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(folder: Path, toml: str, told: str) -> None:
    (folder / "onenet.toml").write_text(toml, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "onenet", "registry", "migrate"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_the_media_of_a_worker_are_named_or_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings().media_of_ingest() == frozenset()
    monkeypatch.setenv("ONENET_INGEST_MEDIA", "noise, air,")
    assert Settings().media_of_ingest() == {"noise", "air"}
    monkeypatch.setenv("ONENET_INGEST_MEDIA", "noise,light")
    with pytest.raises(ValueError, match=r"ONENET_INGEST_MEDIA.*no medium 'light'.*soil"):
        Settings().media_of_ingest()


def test_grafanas_address_is_one_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.read().grafana() == ""
    monkeypatch.setenv("ONENET_GRAFANA_URL", "https://grafana.example/")
    assert Settings.read().grafana() == "https://grafana.example"
    monkeypatch.setenv("ONENET_GRAFANA_URL", "javascript:alert(1)")
    with pytest.raises(ValueError, match=r"grafana_url .ONENET_GRAFANA_URL.*https://grafana"):
        Settings.read().grafana()
