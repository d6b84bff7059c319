"""Alerts written straight into a registry, as if their lives were over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from registry import Registry
from registry.models import AlertRow


def add_alert(
    registry: Registry, *, sensor: str, severity: str, started: datetime, **more: Any
) -> None:
    """An alert of sound that was certain at once; `more` overrides any column."""
    at = registry.sensors()[sensor]  # type: ignore[index]
    station = registry.stations()[at.station]
    values = {
        "rule": "noise-hour",
        "rule_hash": "",
        "kind": "exceedance",
        "subject": sensor,
        "sensor": sensor,
        "station": station.id,
        "district": station.district,
        "subdistrict": station.subdistrict,
        "medium": "noise",
        "parameter": "laeq",
        "severity": severity,
        "state": "closed" if more.get("closed") else "open",
        "outcome": None,
        "route": "enforcement",
        "started": started,
        "ended": None,
        "limit_value": 60.0,
        "basis": "",
        "peak": 71.0,
        "peak_at": started,
        "excess": 11.0,
        "last": 58.0,
        "opened": started,
        "certain": started,
        "at_level": "district",
        "level_since": started,
        **more,
    }
    with registry.session.begin() as session:
        session.add(AlertRow(**values))
