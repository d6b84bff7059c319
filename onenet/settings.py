"""Settings of an installation: from the environment (ONENET_*), else from `onenet.toml`."""

from __future__ import annotations

from pathlib import Path

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
