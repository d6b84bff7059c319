"""From threshold to people: rules, breaches, alerts, and the outbox that delivers them."""

from alerts.cap import cap_xml, feed_xml
from alerts.channels import (
    CHANNELS,
    ChannelSettings,
    MqttChannel,
    WebhookChannel,
    channels_from_environment,
)
from alerts.deliverer import Deliverer
from alerts.escalate import climbs_at, escalate
from alerts.evidence import freeze, freeze_due
from alerts.fast import FastLane, FastLaneThread
from alerts.health import ChannelHealth, channel_healths
from alerts.judge import Judged, judge, judge_hours
from alerts.letter import Channel
from alerts.lifecycle import IllegalMove, possible_moves
from alerts.moves import BadMove, Move, NoSuchAlert, act, add_photo
from alerts.outbox import Delivered, deliver, waiting
from alerts.public import public_letter, public_letters
from alerts.reading import (
    Photo,
    Wanted,
    alert,
    alert_events,
    alerts,
    alerts_in,
    count_alerts,
    count_by_state,
    find,
    open_alerts,
    photo,
    photos,
    siblings,
)
from alerts.roster import add_to_roster, unattended
from alerts.routing import Router, router_from_environment, routes
from alerts.rulebook import BadRule, load_rules, rules_ever, rules_in_force
from alerts.sheet import sheet_pdf, sheets

__all__ = [
    "CHANNELS",
    "BadMove",
    "BadRule",
    "Channel",
    "ChannelHealth",
    "ChannelSettings",
    "Delivered",
    "Deliverer",
    "FastLane",
    "FastLaneThread",
    "IllegalMove",
    "Judged",
    "Move",
    "MqttChannel",
    "NoSuchAlert",
    "Photo",
    "Router",
    "Wanted",
    "WebhookChannel",
    "act",
    "add_photo",
    "add_to_roster",
    "alert",
    "alert_events",
    "alerts",
    "alerts_in",
    "cap_xml",
    "channel_healths",
    "channels_from_environment",
    "climbs_at",
    "count_alerts",
    "count_by_state",
    "deliver",
    "escalate",
    "feed_xml",
    "find",
    "freeze",
    "freeze_due",
    "judge",
    "judge_hours",
    "load_rules",
    "open_alerts",
    "photo",
    "photos",
    "possible_moves",
    "public_letter",
    "public_letters",
    "router_from_environment",
    "routes",
    "rules_ever",
    "rules_in_force",
    "sheet_pdf",
    "sheets",
    "siblings",
    "unattended",
    "waiting",
]
