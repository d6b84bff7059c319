"""Which broker this installation provisions, and by which account: from the environment.

ONENET_BROKER_KIND is `mosquitto` (default) or `embedded`. For Mosquitto, ONENET_MQTT_HOST and _PORT
say where it is, ONENET_PROVISIONING_PASSWORD opens the account `provisioning`, which nothing else
uses.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from registry.accounts import Accounts, RegistryIsTheList
from registry.mosquitto import Address, DynamicSecurity

KINDS = ("mosquitto", "embedded")
ACCOUNT = "provisioning"


def accounts_of(environment: Mapping[str, str] = os.environ) -> Accounts:
    """The broker's accounts. Raises ValueError for a setting that is missing or unknown."""
    kind = environment.get("ONENET_BROKER_KIND", "mosquitto")
    if kind not in KINDS:
        raise ValueError(f"ONENET_BROKER_KIND={kind!r}: expected one of {', '.join(KINDS)}")
    if kind == "embedded":
        return RegistryIsTheList()
    password = environment.get("ONENET_PROVISIONING_PASSWORD", "")
    if not password:
        raise ValueError(
            "ONENET_PROVISIONING_PASSWORD is missing: this process may not give credentials; set "
            "it to MQTT_PROVISIONING_PASSWORD of .env, or ONENET_BROKER_KIND=embedded"
        )
    return DynamicSecurity(
        Address(
            environment.get("ONENET_MQTT_HOST", "127.0.0.1"),
            int(environment.get("ONENET_MQTT_PORT", "1883")),
            ACCOUNT,
            password,
            environment.get("ONENET_MQTT_TLS_CA", ""),
        )
    )
