"""What permits allow, by station and parameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select

from registry.models import PermitLimitRow
from registry.registry import Registry
from schemas.alerts import PermitLimit


def permits(registry: Registry) -> Mapping[tuple[str, str], Sequence[PermitLimit]]:
    """All permits' limits, by station and parameter, the earlier first."""
    found: dict[tuple[str, str], list[PermitLimit]] = defaultdict(list)
    with registry.session() as session:
        for row in session.scalars(select(PermitLimitRow).order_by(PermitLimitRow.since)):
            found[row.station, row.parameter].append(
                PermitLimit.model_validate(
                    {name: getattr(row, name) for name in PermitLimit.model_fields}
                )
            )
    return found


def set_permits(registry: Registry, station: str, limits: Sequence[PermitLimit]) -> None:
    """Replace a station's permitted limits by these."""
    with registry.session.begin() as session:
        session.execute(delete(PermitLimitRow).where(PermitLimitRow.station == station))
        session.add_all(PermitLimitRow(**limit.model_dump()) for limit in limits)
