"""From threshold to people: rules, breaches, alerts, and the outbox that delivers them."""

from alerts.channels import Channel, MqttChannel, WebhookChannel, channels_from_environment
from alerts.evaluate import evaluate
from alerts.judge import Judged, judge
from alerts.outbox import Delivered, deliver
from alerts.reading import (
    AlertEvent,
    alert,
    alert_events,
    alerts,
    alerts_in,
    count_alerts,
    open_alerts,
)
from alerts.rules import load_rules

__all__ = [
    "AlertEvent",
    "Channel",
    "Delivered",
    "Judged",
    "MqttChannel",
    "WebhookChannel",
    "alert",
    "alert_events",
    "alerts",
    "alerts_in",
    "channels_from_environment",
    "count_alerts",
    "deliver",
    "evaluate",
    "judge",
    "load_rules",
    "open_alerts",
]
