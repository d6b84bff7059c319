"""Names of things on the wire: media, channels, formats, topics.

A topic is `onenet/v1/{medium}/{sensor_id}/{channel}/{format}`. The sensor id stands at a fixed
level so that a broker ACL and a trace need nothing else to know who spoke. Data come from the
broker as text; what leaves here is typed or `Rejected`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, TypeVar

from schemas.rejection import Rejected

SensorId = NewType("SensorId", str)
StationId = NewType("StationId", str)
ParameterKey = NewType("ParameterKey", str)

ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{2,63}$"
_ID = re.compile(ID_PATTERN)

_Level = TypeVar("_Level", bound=StrEnum)


class Medium(StrEnum):
    NOISE = "noise"
    AIR = "air"
    WATER = "water"
    SOIL = "soil"


class TopicChannel(StrEnum):
    DATA = "data"
    STATUS = "status"
    EVENT = "event"
    CMD = "cmd"
    REPLY = "reply"


class Format(StrEnum):
    JSON = "json"
    SENML = "senml"
    HJ212 = "hj212"


@dataclass(frozen=True, slots=True)
class Topic:
    """One sensor's address on the broker; `str()` gives the topic text."""

    medium: Medium
    sensor: SensorId
    channel: TopicChannel = TopicChannel.DATA
    format: Format = Format.JSON

    def __str__(self) -> str:
        return f"onenet/v1/{self.medium}/{self.sensor}/{self.channel}/{self.format}"

    @classmethod
    def parse(cls, text: str) -> Topic:
        """Read a topic; raises Rejected("topic_malformed") naming the level that is wrong."""
        levels = text.split("/")
        if len(levels) != 6 or levels[:2] != ["onenet", "v1"]:
            raise Rejected(
                "topic_malformed",
                field="topic",
                value=text,
                rule="onenet/v1/{medium}/{sensor_id}/{channel}/{format}",
                remedy="set the device's publish topic as printed on its registration sheet",
            )
        _, _, medium, sensor, channel, fmt = levels
        if not _ID.fullmatch(sensor):
            raise Rejected(
                "topic_malformed",
                field="topic sensor_id",
                value=sensor,
                rule="3 to 64 of a-z 0-9 _ -, beginning with a letter or digit",
                remedy="use the sensor id exactly as registered",
            )
        return cls(
            _level(Medium, "medium", medium),
            SensorId(sensor),
            _level(TopicChannel, "channel", channel),
            _level(Format, "format", fmt),
        )


def _level(kind: type[_Level], name: str, text: str) -> _Level:
    try:
        return kind(text)
    except ValueError:
        raise Rejected(
            "topic_malformed",
            field=f"topic {name}",
            value=text,
            rule="one of " + ", ".join(kind),
            remedy="set the device's publish topic as printed on its registration sheet",
        ) from None
