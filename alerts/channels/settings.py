"""Settings of the channels, from the environment (ONENET_*): one place for all of them.

`onenet.settings.Settings` has them too, so that `onenet.toml` may set them. None of the secrets is
ever logged or shown.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChannelSettings(BaseSettings):
    """A channel exists where its address is set; docs/alerts-delivery.md says what each means.

    broadcast: who is told everything, parted by commas: a channel, or `email:somebody@example.org`;
    empty: every channel that exists. A process that writes messages and sends none needs it alone.
    """

    model_config = SettingsConfigDict(env_prefix="ONENET_", extra="ignore")

    broadcast: str = ""
    console_url: str = ""  # as a browser reaches it; https makes cookies secure
    private_receivers: str = ""  # networks, parted by commas
    webhook_url: str = ""
    webhook_secret: str = Field(default="", repr=False)
    mqtt_host: str = ""
    mqtt_port: int = 1883
    mqtt_username: str = ""
    mqtt_password: str = Field(default="", repr=False)
    mqtt_tls_ca: str = ""
    mqtt_version: int = 5
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str = ""
    smtp_password: str = Field(default="", repr=False)
    smtp_ca: str = ""
    smtp_from: str = ""
    smtp_to: str = ""
    smtp_sheet: bool = False
    wecom_url: str = Field(default="", repr=False)
    dingtalk_url: str = Field(default="", repr=False)
    dingtalk_secret: str = Field(default="", repr=False)
    cap_url: str = ""
    cap_secret: str = Field(default="", repr=False)
    cap_sender: str = "onenet"
    cap_status: Literal["Actual", "Exercise", "System", "Test", "Draft"] = "Actual"


def parted(text: str) -> tuple[str, ...]:
    """The parts of a setting with commas."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))
