"""The table of channels: how each is made of the settings, and whom it reaches.

A new channel is one small module beside this one and its entry here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from alerts.cap import TOLD
from alerts.channels.cap import CapChannel
from alerts.channels.email import ADDRESS, EmailChannel, Server, Sheet
from alerts.channels.mqtt import MqttChannel
from alerts.channels.posting import Poster, networks
from alerts.channels.robots import DingtalkChannel, WecomChannel
from alerts.channels.settings import ChannelSettings, parted
from alerts.channels.webhook import WebhookChannel
from alerts.letter import Channel
from schemas.people import Unacceptable

MOBILE = re.compile(r"^\+?[0-9]{6,15}$")
ANY = re.compile(r"^[^\s,]{1,120}$")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of channel.

    make: None where it is not configured. reaches: systems are told at any hour. address: what one
    of a person looks like; needed: there is no other. moves: all that it tells of; None: no limit.
    """

    make: Callable[[ChannelSettings, Sheet | None], Channel | None]
    reaches: Literal["people", "systems"]
    address: re.Pattern[str] | None = None
    needed: bool = False
    moves: frozenset[str] | None = None


def _poster(url: str, s: ChannelSettings) -> Poster:
    return Poster(url, networks(s.private_receivers))


def _webhook(s: ChannelSettings, _: Sheet | None) -> Channel | None:
    if not s.webhook_url:
        return None
    return WebhookChannel(_poster(s.webhook_url, s), s.webhook_secret, s.console_url)


def _mqtt(s: ChannelSettings, _: Sheet | None) -> Channel | None:
    if not s.mqtt_host:
        return None
    return MqttChannel(
        s.mqtt_host,
        s.mqtt_port,
        username=s.mqtt_username,
        password=s.mqtt_password,
        tls_ca=s.mqtt_tls_ca,
        mqtt_version=s.mqtt_version,
    )


def _email(s: ChannelSettings, sheet: Sheet | None) -> Channel | None:
    if not s.smtp_host:
        return None
    if not ADDRESS.match(s.smtp_from):
        raise ValueError(
            f"setting smtp_from (ONENET_SMTP_FROM) = {s.smtp_from!r}: with ONENET_SMTP_HOST mail "
            "needs the address that it comes from"
        )
    server = Server(
        s.smtp_host, s.smtp_port, s.smtp_security, s.smtp_username, s.smtp_password, s.smtp_ca
    )
    return EmailChannel(server, s.smtp_from, s.console_url, sheet if s.smtp_sheet else None)


def _wecom(s: ChannelSettings, _: Sheet | None) -> Channel | None:
    return WecomChannel(_poster(s.wecom_url, s), s.console_url) if s.wecom_url else None


def _dingtalk(s: ChannelSettings, _: Sheet | None) -> Channel | None:
    if not s.dingtalk_url:
        return None
    return DingtalkChannel(_poster(s.dingtalk_url, s), s.dingtalk_secret, s.console_url)


def _cap(s: ChannelSettings, _: Sheet | None) -> Channel | None:
    if not s.cap_url:
        return None
    return CapChannel(_poster(s.cap_url, s), s.cap_secret, s.cap_sender, s.cap_status)


CHANNELS: Mapping[str, Kind] = {
    "webhook": Kind(_webhook, "systems", ANY),
    "mqtt": Kind(_mqtt, "systems"),
    "email": Kind(_email, "people", ADDRESS, needed=True),
    "wecom": Kind(_wecom, "people", MOBILE),
    "dingtalk": Kind(_dingtalk, "people", MOBILE),
    "cap": Kind(_cap, "systems", moves=frozenset(TOLD)),
}


def channels_from_environment(sheet: Sheet | None = None) -> list[Channel]:
    """The channels that ONENET_* configure. sheet: makes printed sheets for mails that carry one.

    Raises ValueError naming a setting that is wrong.
    """
    settings = ChannelSettings()
    made = (kind.make(settings, sheet) for kind in CHANNELS.values())
    return [channel for channel in made if channel is not None]


def broadcast_from_environment() -> tuple[str, ...]:
    """Who is told everything: a channel's name, or a name and an address (`email:a@example.org`).

    Raises ValueError naming what is no channel.
    """
    settings = ChannelSettings()
    if settings.broadcast:
        return tuple(_checked(entry) for entry in parted(settings.broadcast))
    there = (channel.name for channel in channels_from_environment())
    own = tuple(name for name in there if not CHANNELS[name].needed)
    mailed = parted(settings.smtp_to) if settings.smtp_host else ()
    return (*own, *(_checked(f"email:{address}") for address in mailed))


def _checked(entry: str) -> str:
    name, _, address = entry.partition(":")
    kind = CHANNELS.get(name)
    if kind is None or (kind.needed and not address):
        raise ValueError(
            f"setting broadcast (ONENET_BROADCAST): {entry!r} is none of {', '.join(CHANNELS)}, "
            "with an address behind a colon for email"
        )
    check_address(name, address)
    return entry


def check_address(name: str, address: str) -> None:
    """Raise Unacceptable where a channel cannot reach somebody by an address."""
    kind = CHANNELS[name]
    if not address and not kind.needed:
        return
    if kind.address is None or not kind.address.match(address):
        rule = {"email": "an address such as li.na@example.org"}.get(
            name, "no address is known" if kind.address is None else "a mobile number"
        )
        raise Unacceptable(
            "duty_address", field=name, value=address[:80], rule=rule, remedy="write it anew"
        )
