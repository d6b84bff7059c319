"""Objects of Grafana's SDK as plain values, and times as Grafana writes them."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def plain(made: object) -> Any:
    """Dictionaries, lists and scalars."""
    return json.loads(json.dumps(made, cls=JSONEncoder))


def duration(seconds: float) -> str:
    """Whole seconds as Prometheus writes them, and Grafana gives them back: 1h30m, 0s."""
    left = int(seconds)
    parts = []
    for unit, long in _UNITS:
        count, left = divmod(left, long)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
