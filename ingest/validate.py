"""Is this reading of this sensor acceptable now? Checks against the clock and the registry record.

Pure: the sensor's record, its channels and the time of arrival come in, the reading's time goes
out, or `Rejected` is raised. A value outside the physical range is no reason to refuse: quality
control flags it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime

from ingest.hj212 import Expected
from schemas import Catalogue, ParameterKey, Reading, Rejected, SensorId, Topic
from schemas.registry import Sensor

AHEAD_MS = 5 * 60_000
BEHIND_MS = 35 * 86_400_000


def admit(topic: Topic, sensor: Sensor | None) -> Sensor:
    """The registered sensor that may publish under this topic. Raises Rejected."""
    if sensor is None:
        raise Rejected(
            "sensor_unknown",
            field="topic sensor_id",
            value=topic.sensor,
            rule="registered sensors only",
            remedy="register the sensor first, then replay this message",
        )
    if sensor.state == "retired":
        raise Rejected(
            "sensor_retired",
            field="topic sensor_id",
            value=topic.sensor,
            rule="the sensor's state is retired",
            remedy="switch the device off, or register it again",
        )
    if topic.medium != sensor.medium:
        raise Rejected(
            "medium_mismatch",
            field="topic medium",
            value=topic.medium,
            rule=f"registered as {sensor.medium}",
            remedy="correct the medium in the device's topic",
        )
    return sensor


def admit_logger(topic: Topic, logger: Expected | None) -> Expected:
    """What is known of a sensor as a data logger of HJ 212. Raises Rejected for any other."""
    if logger is None:
        raise Rejected(
            "hj212_not_registered",
            field="topic format",
            value=topic.sensor,
            rule="a sensor that speaks HJ 212 is registered with its MN",
            remedy=f"onenet sensors logger {topic.sensor} --mn …, then replay this message",
        )
    return logger


def check_reading(
    reading: Reading,
    sensor: SensorId,
    channels: Set[ParameterKey],
    catalogue: Catalogue,
    now_ms: int,
) -> int:
    """The device time in ms of an acceptable reading. Raises Rejected.

    channels: what the sensor may send.
    """
    if reading.sensor is not None and reading.sensor != sensor:
        raise Rejected(
            "sensor_mismatch",
            field="sensor",
            value=reading.sensor,
            rule=f"the topic says {sensor}",
            remedy="correct the device's id or topic; a device speaks for itself only",
        )
    ts_ms = device_time(reading.ts, now_ms)
    if not reading.values.keys() <= channels:
        stranger = next(key for key in reading.values if key not in channels)
        raise _parameter_refused(stranger, sensor, catalogue)
    if reading.flags or reading.units:  # seldom: what is asked of every reading is asked above
        _check_remarks(reading, channels, catalogue)
    return ts_ms


def _check_remarks(reading: Reading, channels: Set[ParameterKey], catalogue: Catalogue) -> None:
    """Flags and units may speak of a channel that has no value this time, but of no stranger."""
    for name, said in (("flags", reading.flags), ("units", reading.units)):
        if said and not said.keys() <= channels:
            stranger = next(key for key in said if key not in channels)
            raise Rejected(
                "field_unknown",
                field=f"{name}.{stranger}",
                value=said[stranger],
                rule=f"{name} speak of the sensor's channels: {', '.join(sorted(channels))}",
                remedy="correct the key, or add the channel to the sensor's registration",
            )
    if reading.units:
        _check_units(reading.units, catalogue)


def _check_units(units: Mapping[str, str], catalogue: Catalogue) -> None:
    for key, unit in units.items():
        if unit != catalogue[key].unit:
            raise Rejected(
                "unit_wrong",
                field=f"units.{key}",
                value=unit,
                rule=f"the canonical unit is {catalogue[key].unit}",
                remedy=f"convert the value to {catalogue[key].unit} and resend",
            )


def _parameter_refused(key: str, sensor: SensorId, catalogue: Catalogue) -> Rejected:
    if key not in catalogue:
        return Rejected(
            "parameter_unknown",
            field=f"values.{key}",
            value=key,
            rule="a key of the parameter catalogue",
            remedy="correct the key, or add the parameter to the catalogue",
        )
    return Rejected(
        "parameter_not_measured",
        field=f"values.{key}",
        value=key,
        rule=f"{sensor} is not registered for it",
        remedy="add the channel to the sensor's registration, then replay this message",
    )


def device_time(ts: str | int, now_ms: int) -> int:
    """Device time in ms since the epoch, within the accepted window. Raises Rejected."""
    if isinstance(ts, int):
        ts_ms = ts
    else:
        try:
            moment = datetime.fromisoformat(ts)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise Rejected(
                "timestamp_malformed",
                field="ts",
                value=ts,
                rule="RFC 3339 with offset, or whole milliseconds since the epoch",
                remedy="send e.g. 2026-11-24T08:00:00+08:00",
            )
        ts_ms = round(moment.timestamp() * 1000)
    if ts_ms > now_ms + AHEAD_MS:
        raise Rejected(
            "clock_ahead",
            field="ts",
            value=str(ts),
            rule="at most 5 min ahead of the ingest clock",
            remedy="set the device clock (NTP) and resend",
        )
    if ts_ms < now_ms - BEHIND_MS:
        raise Rejected(
            "too_old",
            field="ts",
            value=str(ts),
            rule="at most 35 days behind the ingest clock",
            remedy="set the device clock; if the data are truly old, import them",
        )
    return ts_ms
