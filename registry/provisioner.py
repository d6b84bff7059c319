"""Which broker this installation provisions, and by which account: from the environment.

ONENET_BROKER_KIND is `mosquitto` (default), `emqx` or `embedded`. For Mosquitto, ONENET_MQTT_HOST
and _PORT say where it is, ONENET_PROVISIONING_PASSWORD opens the account `provisioning`, which
nothing else uses. For EMQX, ONENET_EMQX_URL says where its REST API is, and ONENET_EMQX_SECRET is
the secret of its key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from registry.accounts import Accounts, RegistryIsTheList
from registry.emqx import Emqx
from registry.mosquitto import Address, DynamicSecurity

KINDS = ("mosquitto", "emqx", "embedded")
ACCOUNT = "provisioning"


def accounts_of(environment: Mapping[str, str] = os.environ) -> Accounts:
    """The broker's accounts. Raises ValueError for a setting that is missing or unknown."""
    kind = environment.get("ONENET_BROKER_KIND", "mosquitto")
    if kind not in KINDS:
        raise ValueError(f"ONENET_BROKER_KIND={kind!r}: expected one of {', '.join(KINDS)}")
    if kind == "embedded":
        return RegistryIsTheList()
    if kind == "emqx":
        return _emqx(environment)
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


def _emqx(environment: Mapping[str, str]) -> Accounts:
    for name in ("ONENET_EMQX_URL", "ONENET_EMQX_SECRET"):
        if not environment.get(name):
            raise ValueError(
                f"{name} is missing: this process cannot cut a revoked sensor's connection; set it "
                "as compose.scale.yml does, or another ONENET_BROKER_KIND"
            )
    return Emqx(environment["ONENET_EMQX_URL"], environment["ONENET_EMQX_SECRET"])
