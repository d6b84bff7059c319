"""What an administrator is told on every page: certificates that end, log-ins that are guessed.

Asked anew with each page: two small queries, and nobody but administrators causes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from network.health import settings
from registry import Registry
from registry.logins import failed_since
from registry.standings import standings

WATCHED = timedelta(hours=1)
MANY_FAILURES = 20  # of people, within the hour; one who forgot a password makes five and is locked


@dataclass(frozen=True, slots=True)
class Notice:
    """kind: its words are `notice_<kind>`, with the facts filled in. href: where more is told."""

    kind: str
    facts: Mapping[str, object]
    href: str


def notices(registry: Registry, now: datetime) -> list[Notice]:
    """What is to be told now, nothing on a good day."""
    found = []
    for address, shown in standings(registry, "certificate").items():
        days = shown.value
        if days is None:
            found.append(Notice("certificate_unread", {"address": address}, "/workorders"))
        elif days <= 0:
            found.append(Notice("certificate_ended", {"address": address}, "/workorders"))
        elif days < settings()["certificate"]["days"]:
            facts = {"address": address, "days": int(days)}
            found.append(Notice("certificate_ends", facts, "/workorders"))
    failures, addresses = failed_since(registry, now - WATCHED)
    if failures >= MANY_FAILURES:
        facts = {"failures": failures, "addresses": addresses}
        found.append(Notice("failed_logins", facts, "/audit?action=login.failed"))
    return found
