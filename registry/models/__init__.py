"""Tables of the registry, a module for each concern.

One class a table, suffixed `Row`; what other rooms see are the records of `schemas`. Times are kept
as UTC and come back timezone-aware, whatever the database.
"""

from registry.models.alerts import AlertEventRow, AlertRow, OutboxItemRow
from registry.models.base import Base, UtcTime
from registry.models.dead_letters import DeadLetterRow
from registry.models.people import (
    ApiTokenRow,
    AuditHeadRow,
    AuditRow,
    LoginFailureRow,
    PersonRow,
    SessionRow,
)
from registry.models.places import (
    EnterpriseRow,
    PlaceRow,
    RiverChiefRow,
    SensorParameterRow,
    SensorRow,
    StationRow,
    VersionRow,
)
from registry.models.samples import SampleResultRow, SampleRow

__all__ = [
    "AlertEventRow",
    "AlertRow",
    "ApiTokenRow",
    "AuditHeadRow",
    "AuditRow",
    "Base",
    "DeadLetterRow",
    "EnterpriseRow",
    "LoginFailureRow",
    "OutboxItemRow",
    "PersonRow",
    "PlaceRow",
    "RiverChiefRow",
    "SampleResultRow",
    "SampleRow",
    "SensorParameterRow",
    "SensorRow",
    "SessionRow",
    "StationRow",
    "UtcTime",
    "VersionRow",
]
