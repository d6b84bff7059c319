"""Ways to reach people and systems, one small module each; `table.CHANNELS` lists them."""

from alerts.channels.cap import CapChannel
from alerts.channels.email import EmailChannel, Server
from alerts.channels.mqtt import MqttChannel
from alerts.channels.robots import DingtalkChannel, WecomChannel
from alerts.channels.settings import ChannelSettings
from alerts.channels.table import (
    CHANNELS,
    broadcast_from_environment,
    channels_from_environment,
    check_address,
)
from alerts.channels.webhook import WebhookChannel

__all__ = [
    "CHANNELS",
    "CapChannel",
    "ChannelSettings",
    "DingtalkChannel",
    "EmailChannel",
    "MqttChannel",
    "Server",
    "WebhookChannel",
    "WecomChannel",
    "broadcast_from_environment",
    "channels_from_environment",
    "check_address",
]
