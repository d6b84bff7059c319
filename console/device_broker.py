"""The broker as the console needs it for sensors: their accounts, commands, and its address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from registry.accounts import Accounts, NotReachable
from registry.commands import Publish, publisher
from registry.provisioner import accounts_of


@dataclass(frozen=True, slots=True)
class DeviceBroker:
    """host, port, tls: by which devices reach the broker, told on their credentials."""

    accounts: Accounts
    publish: Publish
    host: str = ""
    port: int = 0
    tls: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> DeviceBroker:
        """As the settings say; by default devices go where our own services go."""
        told = environment.get("ONENET_DEVICES_HOST", "")
        return cls(
            _accounts(environment),
            publisher(environment),
            told or environment.get("ONENET_MQTT_HOST", "127.0.0.1"),
            int(
                environment.get("ONENET_DEVICES_PORT", "0")
                or environment.get("ONENET_MQTT_PORT", "1883")
            ),
            bool(told),
        )


def _accounts(environment: Mapping[str, str]) -> Accounts:
    """A console that may not give credentials still does everything else."""
    try:
        return accounts_of(environment)
    except ValueError as error:
        return NotReachable(str(error))
