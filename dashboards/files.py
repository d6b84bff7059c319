"""Boards as files, for a Grafana that reads its boards from a folder."""

from __future__ import annotations

from pathlib import Path

from dashboards.boards import BOARDS, to_json
from dashboards.city import City


def write(folder: Path, city: City | None = None) -> list[Path]:
    """Write each board to `folder`, of the demo city unless told otherwise; return the files."""
    of = city or City.demo()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for uid, make in BOARDS.items():
        path = folder / f"{uid}.json"
        path.write_text(to_json(make(of)), "utf-8")
        written.append(path)
    return written
