"""Settings of an installation: from the environment (ONENET_*), else from `onenet.toml`.

Rooms below this one, and Airflow's tasks, read the environment; so the command line first puts
there what the file says and the environment does not.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ingest import BrokerAddress


class Settings(BaseSettings):
    """One field a setting; the environment wins over the TOML file."""

    model_config = SettingsConfigDict(env_prefix="ONENET_", toml_file="onenet.toml", extra="ignore")

    store_url: str = "sqlite:///run/observations.db"
    store_token: str = ""
    registry_url: str = "sqlite:///run/registry.db"
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 1883
    mqtt_username: str = ""
    mqtt_password: str = ""
    mqtt_tls_ca: str = ""
    mqtt_version: int = 5
    ingest_host: str = "127.0.0.1"
    ingest_port: int = 9108
    ingest_client_id: str = "onenet-ingest-1"
    ingest_batch_size: int = 5000
    ingest_batch_age_s: float = 0.5
    console_host: str = "127.0.0.1"
    console_port: int = 8000
    webhook_url: str = ""
    catalogue: Path | None = None
    rules: Path | None = None
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

    def broker(self) -> BrokerAddress:
        return BrokerAddress(
            self.mqtt_host,
            self.mqtt_port,
            self.mqtt_username,
            self.mqtt_password,
            self.mqtt_tls_ca,
            mqtt5=self.mqtt_version == 5,
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
