"""Whom Grafana tells about the network: contact points and the notification policy of our rules.

Addresses and the token are not ours to know: files name variables of Grafana's environment, a push
takes them from that of the command, for Grafana fills in variables in files only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.models import alerting

from dashboards.encoding import plain
from dashboards.rule_shape import NETWORK

MAIL, DUTY = "one-network-mail", "one-network-duty"
EMAIL, WEBHOOK, TOKEN = "GRAFANA_ALERT_EMAIL", "GRAFANA_ALERT_WEBHOOK", "GRAFANA_ALERT_TOKEN"


@dataclass(frozen=True, slots=True)
class Addresses:
    """email: one or several, with semicolons. token: goes with the webhook as `Bearer`."""

    email: str
    webhook: str
    token: str

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
