"""Boards, alert rules, contact points and policy as files, for a Grafana that reads folders.

`dashboards/` goes to where the provider of boards looks, `provisioning/alerting/` below Grafana's
provisioning folder; the data sources and that provider are written by hand, beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dashboards import notify, rule_shape
from dashboards.boards import BOARDS, to_json
from dashboards.city import City
from dashboards.encoding import duration
from dashboards.layout import FOLDER_TITLE
from dashboards.notify import Addresses

HEADER = "# Made by `onenet dashboards export`; not to be edited by hand.\n"
# Grafana's files speak of the folder by its title, and of the organisation and group once.
_OF_THE_GROUP = ("orgID", "folderUID", "ruleGroup")


def export(folder: Path, city: City | None = None) -> list[Path]:
    """Write everything below `folder`, of the demo city unless told otherwise; return the files."""
    of = city or City.demo()
    texts = {f"dashboards/{name}": text for name, text in _boards(of).items()} | {
        f"provisioning/alerting/{name}.yaml": HEADER + _yaml({"apiVersion": 1, **content})
        for name, content in _alerting(of).items()
    }
    for name, text in texts.items():
        _write(folder / name, text)
    return [folder / name for name in texts]


def follow(folder: Path, city: City) -> list[Path]:
    """Make the boards in the folder that Grafana watches those of a city; return what was written.

    A board that is as it should be is not touched, for Grafana reads again what is new.
    """
    written = []
    for name, text in _boards(city).items():
        path = folder / name
        if not path.exists() or path.read_text("utf-8") != text:
            _write(path, text)
            written.append(path)
    return written


def _boards(city: City) -> dict[str, str]:
    return {f"{uid}.json": to_json(make(city)) for uid, make in BOARDS.items()}


def _write(path: Path, text: str) -> None:
    """At once, for somebody may be reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, "utf-8")
    new.replace(path)


def _alerting(city: City) -> dict[str, dict[str, Any]]:
    own = notify.policy()
    root = {"orgId": rule_shape.ORGANISATION, "receiver": own["receiver"], "routes": [own]}
    return {
        "rules": {"groups": [_group(one) for one in rule_shape.groups(city)]},
        "contact-points": {"contactPoints": _contact_points()},
        # There is one tree, and a file gives all of it: what is nobody's goes to our mail, too.
        "policies": {"policies": [root]},
    }


def _group(group: dict[str, Any]) -> dict[str, Any]:
    return {
        "orgId": rule_shape.ORGANISATION,
        "name": group["title"],
        "folder": FOLDER_TITLE,
        "interval": duration(group["interval"]),
        "rules": [
            {
                "uid": rule["uid"],
                "title": rule["title"],
                **{k: v for k, v in rule.items() if k not in _OF_THE_GROUP},
            }
            for rule in group["rules"]
        ],
    }


def _contact_points() -> list[dict[str, Any]]:
    points: dict[str, list[dict[str, Any]]] = {}
    for one in notify.contact_points(Addresses.of_files()):
        points.setdefault(one.pop("name"), []).append(one)
    return [
        {"orgId": rule_shape.ORGANISATION, "name": name, "receivers": receivers}
        for name, receivers in points.items()
    ]


class _Dumper(yaml.SafeDumper):
    """Writes queries as they read, line by line, and repeats instead of pointing."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _yaml(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
