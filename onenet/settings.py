"""Settings of an installation: from the environment (ONENET_*), else from `onenet.toml`.

Rooms below this one, and Airflow's tasks, read the environment; so the command line first puts
there what the file says and the environment does not.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from alerts.channels import ChannelSettings
from ingest import BrokerAddress
from ingest.gateway import GatewayOptions, Limits
from ingest.gateway.limits import networks
from schemas.ids import Medium

if TYPE_CHECKING:
    from console.access import Access

SHORTEST_KEY = 32


class Settings(ChannelSettings):
    """One field a setting, and those of the channels; the environment wins over the TOML file."""

    model_config = SettingsConfigDict(env_prefix="ONENET_", toml_file="onenet.toml", extra="ignore")

    store_url: str = "sqlite:///run/observations.db"
    store_token: str = ""
    registry_url: str = "sqlite:///run/registry.db"
    mqtt_host: str = "127.0.0.1"
    broker_kind: str = "mosquitto"  # or emqx, embedded: who keeps the list of sensors' accounts
    provisioning_password: str = ""  # of the broker's account that may change that list
    emqx_url: str = ""  # of EMQX's REST API, and the secret of its API key: to cut connections
    emqx_secret: str = ""
    gate_host: str = "127.0.0.1"
    gate_port: int = 9109
    gate_token: str = ""  # what EMQX shows the gate
    gate_passwords: Path = Path("deploy/generated/mosquitto/passwords")
    gate_rights: Path = Path("deploy/mosquitto/acl")
    devices_host: str = ""  # by TLS devices reach the broker there; told on their credentials
    devices_port: int = 0
    devices_ca: str = ""  # file of the certificate that devices need; offered for download
    ingest_host: str = "127.0.0.1"
    ingest_port: int = 9108
    ingest_client_id: str = "onenet-ingest-1"
    ingest_media: str = ""  # what this worker takes, parted by commas; empty: all. docs/scaling.md
    ingest_batch_size: int = 5000
    ingest_batch_age_s: float = 0.5
    gateway_host: str = "127.0.0.1"  # data loggers of HJ 212 come here; docs/hj212.md
    gateway_port: int = 9212
    gateway_health_host: str = "127.0.0.1"
    gateway_health_port: int = 9109
    gateway_client_id: str = "onenet-gateway-1"
    gateway_networks: str = ""  # where loggers may come from, as 10.0.0.0/8; empty: anywhere
    gateway_connections: PositiveInt = 2000
    gateway_connections_per_peer: PositiveInt = 64
    gateway_first_s: PositiveFloat = 120  # until a logger has shown who it is
    gateway_idle_s: PositiveFloat = 7200
    gateway_frame_s: PositiveFloat = 30  # for a frame to be complete
    gateway_frames_per_s: PositiveFloat = 1  # of one logger, after a burst; what is faster waits
    console_host: str = "127.0.0.1"
    console_port: int = 8000
    trusted_hosts: str = ""  # further names of the console, parted by commas; * for any
    grafana_url: str = ""  # Grafana as a browser reaches it: pages then link to their boards
    public_board: bool = True  # whether the city is seen without a log-in
    public_per_min: int = Field(default=300, ge=0)  # API requests of an address; 0 = any number
    known_per_min: int = Field(default=3000, ge=0)  # of somebody who is logged in or has a token
    download_cost: int = Field(default=15, ge=1)  # a large download counts as so many requests
    secret_key: str = ""  # encrypts secrets of second factors
    session_idle_min: int = 120
    session_hours: int = 12
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_claim: str = "roles"
    oidc_roles: str = ""  # officers=enforcement@city; futian=operator@district:futian
    administrator: str = ""  # the first one's hashed password, as `onenet init` wrote it
    reports_dir: Path = Path("run/reports")
    catalogue: Path | None = None
    rules: Path | None = None
    raw_archive: Path | None = None  # folder of messages as they came; none is kept without it
    raw_days: int = 7
    city_points: Path | None = None
    credit_rules: Path | None = None
    open_data_terms: Path | None = None  # docs/open-data.md
    map_districts: bool = False
    boards_dir: Path | None = None  # of Grafana, which reads them there: docs/dashboards.md
    certificates: str = ""  # host:port of TLS servers whose days are watched, parted by commas
    log_json: bool = True

    def share(self) -> None:
        """Put what the TOML file sets into the environment, for the rooms below and children."""
        for name in self.model_fields_set:
            os.environ.setdefault(f"ONENET_{name.upper()}", str(getattr(self, name)))

    @classmethod
    def read(cls) -> Settings:
        """All settings. Raises ValueError that names the setting, or the line of the file."""
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            raise ValueError(
                f"setting {name} (ONENET_{name.upper()} or onenet.toml) = {first['input']!r}: "
                f"{first['msg']}"
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"onenet.toml: {error}") from None

    def grafana(self) -> str:
        """Where Grafana is, for links; empty: nowhere. Raises ValueError that names the setting."""
        parts = urlsplit(self.grafana_url)
        if self.grafana_url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError(
                f"setting grafana_url (ONENET_GRAFANA_URL) = {self.grafana_url!r}: "
                "write e.g. https://grafana.example, or leave it empty"
            )
        return self.grafana_url.rstrip("/")

    def broker(self) -> BrokerAddress:
        return BrokerAddress(
            self.mqtt_host,
            self.mqtt_port,
            self.mqtt_username,
            self.mqtt_password,
            self.mqtt_tls_ca,
            mqtt5=self.mqtt_version == 5,
        )

    def media_of_ingest(self) -> frozenset[Medium]:
        """What the ingest worker takes; empty: all. Raises ValueError that names the setting."""
        named = [name.strip() for name in self.ingest_media.split(",") if name.strip()]
        unknown = sorted(set(named) - {str(medium) for medium in Medium})
        if unknown:
            raise ValueError(
                f"setting ingest_media (ONENET_INGEST_MEDIA) = {self.ingest_media!r}: "
                f"no medium {unknown[0]!r}; name some of {', '.join(Medium)}, parted by commas"
            )
        return frozenset(map(Medium, named))

    def gateway(self) -> GatewayOptions:
        """How the HJ 212 gateway listens. Raises ValueError that names the setting."""
        try:
            allowed = networks(self.gateway_networks)
        except ValueError as error:
            raise ValueError(
                f"setting gateway_networks (ONENET_GATEWAY_NETWORKS): {error}; name networks as "
                "10.1.0.0/16, parted by commas"
            ) from None
        return GatewayOptions(
            host=self.gateway_host,
            port=self.gateway_port,
            client_id=self.gateway_client_id,
            health_host=self.gateway_health_host,
            health_port=self.gateway_health_port,
            limits=Limits(
                connections=self.gateway_connections,
                connections_per_peer=self.gateway_connections_per_peer,
                networks=allowed,
                first_s=self.gateway_first_s,
                idle_s=self.gateway_idle_s,
                frame_s=self.gateway_frame_s,
                frames_per_s=self.gateway_frames_per_s,
            ),
        )

    def access(self) -> Access:
        """Who gets into the console. Raises ValueError that names the setting."""
        from datetime import timedelta

        from console.access import Access, Oidc, Rates, hosts_of, parse_roles
        from registry.sessions import Lifetimes

        if self.secret_key and len(self.secret_key) < SHORTEST_KEY:
            raise ValueError(
                f"setting secret_key (ONENET_SECRET_KEY): at least {SHORTEST_KEY} characters, "
                "made by chance; `onenet init` makes one"
            )
        oidc = None
        if self.oidc_issuer:
            for name in ("oidc_client_id", "oidc_client_secret", "oidc_roles", "console_url"):
                if not getattr(self, name):
                    raise ValueError(
                        f"setting {name} (ONENET_{name.upper()}) is empty; with ONENET_OIDC_ISSUER "
                        "it is needed, see docs/people.md"
                    )
            oidc = Oidc(
                self.oidc_issuer,
                self.oidc_client_id,
                self.oidc_client_secret,
                self.oidc_claim,
                parse_roles(self.oidc_roles),
            )
        return Access(
            public_board=self.public_board,
            url=self.console_url,
            hosts=hosts_of(self.console_url, self.trusted_hosts),
            secret_key=self.secret_key,
            lifetimes=Lifetimes(
                idle=timedelta(minutes=self.session_idle_min),
                absolute=timedelta(hours=self.session_hours),
            ),
            rates=Rates(self.public_per_min, self.known_per_min, self.download_cost),
            oidc=oidc,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)
