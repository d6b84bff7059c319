"""Tables of the registry, a module for each concern.

One class a table, suffixed `Row`; what other rooms see are the records of `schemas`. Times are kept
as UTC and come back timezone-aware, whatever the database.
"""

from registry.models.alerts import (
    AlertEventRow,
    AlertPhotoRow,
    AlertRow,
    ChannelHealthRow,
    DutyRow,
    EvidenceRow,
    OutboxItemRow,
    PermitLimitRow,
    RuleVersionRow,
)
from registry.models.base import Base, UtcTime
from registry.models.dead_letters import DeadLetterRow
from registry.models.devices import (
    CalibrationRow,
    CommandRow,
    CommissioningRow,
    ContactRow,
    CredentialRow,
    DeviceRow,
    LoggerRow,
    MaintenanceRow,
    PhotoRow,
    SensorEventRow,
    WorkOrderRow,
)
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
from registry.models.standings import StandingRow

__all__ = [
    "AlertEventRow",
    "AlertPhotoRow",
    "AlertRow",
    "ApiTokenRow",
    "AuditHeadRow",
    "AuditRow",
    "Base",
    "CalibrationRow",
    "ChannelHealthRow",
    "CommandRow",
    "CommissioningRow",
    "ContactRow",
    "CredentialRow",
    "DeadLetterRow",
    "DeviceRow",
    "DutyRow",
    "EnterpriseRow",
    "EvidenceRow",
    "LoggerRow",
    "LoginFailureRow",
    "MaintenanceRow",
    "OutboxItemRow",
    "PermitLimitRow",
    "PersonRow",
    "PhotoRow",
    "PlaceRow",
    "RiverChiefRow",
    "RuleVersionRow",
    "SampleResultRow",
    "SampleRow",
    "SensorEventRow",
    "SensorParameterRow",
    "SensorRow",
    "SessionRow",
    "StandingRow",
    "StationRow",
    "UtcTime",
    "VersionRow",
    "WorkOrderRow",
]
