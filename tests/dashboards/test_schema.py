"""Each board's JSON against the types that Grafana publishes for its version (`@grafana/schema`).

The compiler of TypeScript judges: each panel by the options and field settings of its kind, and the
frame, variables and annotations by the dashboard's. It is as far as Grafana's own schema goes: what
a query says is not in it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards.conftest import panels_of
from tests.parts import need

INSTALLER = Path("scripts/install-grafana-schema")
TYPES = Path("tests/dashboards/grafana_types.ts").read_text("utf-8")
KINDS = {
    "stat": "StatPanel",
    "table": "TablePanel",
    "timeseries": "TimeseriesPanel",
    "state-timeline": "StateTimelinePanel",
    "geomap": "GeomapPanel",
    "text": "TextPanel",
}
OPTIONS = {
    "noEmit": True,
    "strict": True,
    "skipLibCheck": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "target": "es2022",
    "types": [],
}
Board = dict[str, Any]


@pytest.fixture(scope="session")
def grafana_types() -> Path:
    """Where the types and the compiler are; fetched where npm is."""
    where = subprocess.run([INSTALLER, "--where"], capture_output=True, text=True, check=True)
    home = Path(where.stdout.strip())
    need("npm", (home / "node_modules").is_dir() or shutil.which("npm") is not None)
    subprocess.run([INSTALLER], check=True, capture_output=True, timeout=300)
    return home


def literals(board: Board) -> Iterator[str]:
    """The board as typed constants, its parts apart: only then are unknown properties errors."""

    def constant(name: str, kind: str, value: Any) -> str:
        return f"const {name}: {kind} = {json.dumps(value, ensure_ascii=False, indent=1)};"

    empty = {"panels": [], "templating": {"list": []}, "annotations": {"list": []}}
    yield constant("board", "Board", board | empty)
    for at, panel in enumerate(panels_of(board)):
        yield constant(f"panel_{at}", KINDS[panel["type"]], panel)
    for at, row in enumerate(p for p in board["panels"] if p["type"] == "row"):
        yield constant(f"row_{at}", "RowPanel", row | {"panels": []})
    for at, variable in enumerate(board["templating"]["list"]):
        yield constant(f"variable_{at}", "Variable", variable)
    for at, marks in enumerate(board["annotations"]["list"]):
        yield constant(f"annotation_{at}", "Annotation", marks)


def compiled(boards: dict[str, Board], home: Path, folder: Path) -> str:
    """What the compiler says of them; empty when all is well."""
    schema = home / "node_modules" / "@grafana" / "schema" / "dist" / "esm"
    files = []
    for uid, board in boards.items():
        files.append(folder / f"{uid}.ts")
        text = "\n".join([TYPES.replace("SCHEMA", str(schema)), *literals(board)])
        files[-1].write_text(text, "utf-8")
    compiler = home / "node_modules" / "typescript" / "lib" / "tsc.js"
    (folder / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": OPTIONS, "files": [file.name for file in files]}), "utf-8"
    )
    done = subprocess.run(
        ["node", compiler, "--project", folder], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


def test_every_board_is_what_grafanas_types_say(
    boards: dict[str, Board], grafana_types: Path, tmp_path: Path
) -> None:
    assert compiled(boards, grafana_types, tmp_path) == ""


def first(board: Board, kind: str) -> Board:
    return next(panel for panel in panels_of(board) if panel["type"] == kind)


def spoilt(boards: dict[str, Board]) -> Iterator[tuple[str, Board, str]]:
    """Boards with one fault each, and what the compiler must name."""

    def board(uid: str = "onenet-city") -> Board:
        return deepcopy(boards[uid])

    one = board()
    one["refresch"] = "30s"
    yield "frame", one, "refresch"
    one = board()
    first(one, "stat")["options"]["graphMode"] = "areas"
    yield "option", one, '"areas"'
    one = board()
    first(one, "timeseries")["fieldConfig"]["defaults"]["custom"]["drawStyle"] = "dots"
    yield "setting", one, '"dots"'
    one = board()
    table = next(p for p in panels_of(one) if p["type"] == "table")
    table["fieldConfig"]["overrides"][0]["properties"].append({"id": "custom.colour", "value": 1})
    yield "override", one, "custom.colour"
    one = board()
    first(one, "geomap")["options"]["view"]["zom"] = 3
    yield "map", one, "zom"
    one = board("onenet-air")
    one["templating"]["list"][-1]["type"] = "custum"
    yield "variable", one, '"custum"'
    one = board()
    first(one, "timeseries")["targets"][0]["query"] = 5
    yield "target", one, "'number'"


def test_a_fault_of_each_sort_is_found(
    boards: dict[str, Board], grafana_types: Path, tmp_path: Path
) -> None:
    faults = {name: (board, word) for name, board, word in spoilt(boards)}
    said = compiled({n: board for n, (board, _) in faults.items()}, grafana_types, tmp_path)
    for name, (_, word) in faults.items():
        of_it = [line for line in said.splitlines() if f"{name}.ts(" in line]
        assert word in "".join(of_it[:1]), f"{name}: {of_it}"


def test_the_types_are_those_of_the_grafana_that_is_started() -> None:
    compose = yaml.safe_load(Path("docker-compose.yml").read_text("utf-8"))
    version = compose["services"]["grafana"]["image"].partition(":")[2]
    assert f"SCHEMA={version} " in INSTALLER.read_text("utf-8")
