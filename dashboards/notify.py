"""Whom Grafana tells about the network: contact points and the notification policy of our rules.

Addresses and the token are not ours to know: files name variables of Grafana's environment, a push
takes them from that of the command, for Grafana fills in variables in files only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from grafana_foundation_sdk.models import alerting

from dashboards.encoding import plain
from dashboards.rule_shape import NETWORK

MAIL, DUTY = "one-network-mail", "one-network-duty"
EMAIL, WEBHOOK, TOKEN = "GRAFANA_ALERT_EMAIL", "GRAFANA_ALERT_WEBHOOK", "GRAFANA_ALERT_TOKEN"

_MAIL = re.compile(r"[^\s@;,]+@[^\s@;,]+")


@dataclass(frozen=True, slots=True)
class Addresses:
    """email: one or several, with semicolons. token: goes with the webhook as `Bearer`."""

    email: str
    webhook: str
    token: str

    @classmethod
    def given(cls, email: str, webhook: str, token: str) -> Addresses | None:
        """Those of an environment; None where there is none at all.

        Raises ValueError for some without the others, and for what is no address.
        """
        of = {EMAIL: email.strip(), WEBHOOK: webhook.strip(), TOKEN: token.strip()}
        missing = [name for name, value in of.items() if not value]
        if len(missing) == len(of):
            return None
        if missing:
            raise ValueError(f"{' and '.join(missing)}: missing; set all three, or none of them")
        if bad := [one for one in of[EMAIL].split(";") if not _MAIL.fullmatch(one.strip())]:
            raise ValueError(f"{EMAIL}: {bad[0]!r} is no address; write e.g. duty@city.example")
        url = urlsplit(of[WEBHOOK])
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"{WEBHOOK}: {of[WEBHOOK]!r} is no address; begin with https://")
        return cls(*of.values())

    @classmethod
    def of_files(cls) -> Addresses:
        """Variables of Grafana's environment, by which files name them."""
        return cls(f"${EMAIL}", f"${WEBHOOK}", f"${TOKEN}")


def contact_points(to: Addresses) -> list[dict[str, Any]]:
    """Mail for whatever happens; for what is critical the webhook of those on duty, and mail."""
    mail = {"addresses": to.email, "singleEmail": True}
    hook = {
        "url": to.webhook,
        "httpMethod": "POST",
        "authorization_scheme": "Bearer",
        "authorization_credentials": to.token,
    }
    made = [
        alerting.ContactPoint(uid="onenet-mail", name=MAIL, type_val="email", settings=mail),
        alerting.ContactPoint(uid="onenet-duty-hook", name=DUTY, type_val="webhook", settings=hook),
        alerting.ContactPoint(uid="onenet-duty-mail", name=DUTY, type_val="email", settings=mail),
    ]
    for one in made:
        one.disable_resolve_message = False
    return [plain(one) for one in made]


def policy() -> dict[str, Any]:
    """The branch of the policy tree for our alerts; what is critical is repeated sooner."""
    critical = alerting.NotificationPolicy(
        receiver=DUTY,
        object_matchers=[["severity", "=", "critical"]],
        repeat_interval="1h",
        group_wait="30s",
    )
    return dict(
        plain(
            alerting.NotificationPolicy(
                receiver=MAIL,
                object_matchers=[[NETWORK[0], "=", NETWORK[1]]],
                group_by=["grafana_folder", "alertname"],
                group_wait="1m",
                group_interval="5m",
                repeat_interval="12h",
                routes=[critical],
            )
        )
    )
