"""The broker as the console needs it for sensors: their accounts, commands, and its address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry.accounts import Accounts, NotReachable
from registry.commands import Publish, publisher
from registry.provisioner import accounts_of


@dataclass(frozen=True, slots=True)
class DeviceBroker:
    """host, port, tls: by which devices reach the broker, told on their credentials.

    authority: file of the certificate by which devices know the broker; None = none is offered.
    """

    accounts: Accounts
    publish: Publish
    host: str = ""
    port: int = 0
    tls: bool = False
    authority: Path | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> DeviceBroker:
        """As the settings say; by default devices go where our own services go."""
        told = environment.get("ONENET_DEVICES_HOST", "")
        authority = environment.get("ONENET_DEVICES_CA", "")
        return cls(
            _accounts(environment),
            publisher(environment),
            told or environment.get("ONENET_MQTT_HOST", "127.0.0.1"),
            int(
                environment.get("ONENET_DEVICES_PORT", "0")
                or environment.get("ONENET_MQTT_PORT", "1883")
            ),
            bool(told),
            Path(authority) if authority else None,
        )

    def authority_pem(self) -> bytes | None:
        """The certificates of that file and nothing else of it; None where there is none."""
        if self.authority is None:
            return None
        try:
            found = x509.load_pem_x509_certificates(self.authority.read_bytes())
        except (OSError, ValueError):
            return None
        return b"".join(one.public_bytes(Encoding.PEM) for one in found)


def _accounts(environment: Mapping[str, str]) -> Accounts:
    """A console that may not give credentials still does everything else."""
    try:
        return accounts_of(environment)
    except ValueError as error:
        return NotReachable(str(error))
