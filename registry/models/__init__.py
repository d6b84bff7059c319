"""Tables of the registry, a module for each concern.

One class a table, suffixed `Row`; what other rooms see are the records of `schemas`. Times are kept
as UTC and come back timezone-aware, whatever the database.
"""

from registry.models.alerts import AlertEventRow, AlertRow, OutboxItemRow
from registry.models.base import Base, UtcTime
from registry.models.dead_letters import DeadLetterRow
from registry.models.places import (
    EnterpriseRow,
    PlaceRow,
    SensorParameterRow,
    SensorRow,
    StationRow,
    VersionRow,
)

__all__ = [
    "AlertEventRow",
    "AlertRow",
    "Base",
    "DeadLetterRow",
    "EnterpriseRow",
    "OutboxItemRow",
    "PlaceRow",
    "SensorParameterRow",
    "SensorRow",
    "StationRow",
    "UtcTime",
    "VersionRow",
]
