"""A data file of an installation's own: taken in place of ours, refused with file and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from network.city_points import CityPoints
from schemas.installed import installed


def city_points() -> CityPoints:
    return installed(CityPoints, "ONENET_CITY_POINTS", "network", "city_points.yaml")


def test_the_shipped_file_holds_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONENET_CITY_POINTS", raising=False)
    shipped = city_points()
    own = shipped.model_copy(update={"grades": ("district",)})
    (tmp_path / "own.yaml").write_text(own.model_dump_json(), "utf-8")
    monkeypatch.setenv("ONENET_CITY_POINTS", str(tmp_path / "own.yaml"))
    assert city_points() == own


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"grades: [city]\n", "items"),
        (b"grades: [", "own.yaml"),
        (b"\xff\xfe\xff", "own.yaml"),
        (None, "ONENET_CITY_POINTS"),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(
    content: bytes | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "own.yaml").write_bytes(content)
    monkeypatch.setenv("ONENET_CITY_POINTS", str(tmp_path / "own.yaml"))
    with pytest.raises(ValueError, match=told):
        city_points()
