"""Contracts: wire messages, observations, records, the parameter catalogue, flags, ids, time."""

from schemas.catalogue import Catalogue, Parameter, QcSettings, catalogue, load_catalogue
from schemas.clock import CITY_TIME, Clock, FixedClock, Interval, SystemClock, from_ms, to_ms
from schemas.flags import Cause, Flag, flag_of, quality
from schemas.ids import Format, Medium, ParameterKey, SensorId, StationId, Topic, TopicChannel
from schemas.indices import Index, indices
from schemas.observation import FlaggedReading, Level, Outcome, Period, SeriesTags
from schemas.rejection import Rejected
from schemas.wire import Command, Event, Reading, Reply, Status

__all__ = [
    "CITY_TIME",
    "Catalogue",
    "Cause",
    "Clock",
    "Command",
    "Event",
    "FixedClock",
    "Flag",
    "FlaggedReading",
    "Format",
    "Index",
    "Interval",
    "Level",
    "Medium",
    "Outcome",
    "Parameter",
    "ParameterKey",
    "Period",
    "QcSettings",
    "Reading",
    "Rejected",
    "Reply",
    "SensorId",
    "SeriesTags",
    "StationId",
    "Status",
    "SystemClock",
    "Topic",
    "TopicChannel",
    "catalogue",
    "flag_of",
    "from_ms",
    "indices",
    "load_catalogue",
    "quality",
    "to_ms",
]
