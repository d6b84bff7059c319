"""From readings to messages: history as store-and-forward arrays, the present one by one."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from schemas import SensorId, Topic
from schemas.ids import TopicChannel
from simulators.faults import Script, Sending
from simulators.fleet import Device
from simulators.ledger import Ledger, Outgoing
from simulators.weather import Weather

DAY_S = 86_400
TOO_OLD_S = 34.5 * DAY_S  # ingest refuses what is 35 days old
TOO_NEW_S = 240  # and what is 5 min ahead


def payload_of(sendings: Sequence[Sending], meta: Mapping[str, object] | None = None) -> bytes:
    """One reading as an object, several as an array. meta: what a device tells of itself."""
    readings = [
        {
            "ts": round(sending.t * 1000),
            "values": sending.values,
            **({"flags": sending.flags} if sending.flags else {}),
            **({"meta": meta} if meta else {}),
        }
        for sending in sendings
    ]
    content = readings[0] if len(readings) == 1 else readings
    return json.dumps(content, separators=(",", ":")).encode()


def acceptable(sending: Sending, now_s: float) -> bool:
    """Whether ingest will take its time."""
    return now_s - TOO_OLD_S < sending.t < now_s + TOO_NEW_S


def messages_of(
    device: Device,
    sendings: Sequence[Sending],
    now_s: float,
    meta: Mapping[str, object] | None = None,
) -> Iterator[Outgoing]:
    """The messages that carry some readings of a device, with what each will count as."""
    if sendings:
        good = sum(acceptable(sending, now_s) for sending in sendings)
        body = payload_of(sendings, meta)
        yield Outgoing(
            device.topic,
            body,
            device.id,
            distinct=good,
            refused=len(sendings) - good,
            last_ms=round(sendings[-1].due * 1000),
        )
        again = [sending for sending in sendings if sending.twice and acceptable(sending, now_s)]
        if again:
            yield Outgoing(device.topic, payload_of(again), device.id, repeats=len(again))
    for sending in sendings:
        if sending.spoiled is not None:
            yield Outgoing(device.topic, sending.spoiled, device.id, refused=1)


class History:
    """The past of a fleet as messages, all devices side by side in order of time."""

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        weather: Weather,
        script: Script,
        ledger: Ledger,
        start_s: float,
        end_s: float,
        batch: int,
    ) -> None:
        self._devices = devices
        self._weather = weather
        self._script = script
        self._batch = batch
        self._end_s = end_s
        self._from: dict[str, float] = {}
        for device in devices:
            last = ledger.last_ms(device.id)
            self._from[device.id] = start_s if last is None else last / 1000 + 0.001

    def expected(self) -> int:
        """About how many readings there will be, for a progress bar."""
        spans = ((self._end_s - self._from[d.id]) / d.cadence_s for d in self._devices)
        return int(sum(max(0.0, span) for span in spans))

    def __iter__(self) -> Iterator[Outgoing]:
        streams = [self._of_device(device) for device in self._devices]
        for _, _, message in heapq.merge(*streams, key=lambda item: item[:2]):
            yield message

    def _of_device(self, device: Device) -> Iterator[tuple[float, str, Outgoing]]:
        """(time of sending, sensor, message): arrays of readings, an outage's at its end."""
        waiting: list[Sending] = []
        held = False
        last = self._from[device.id]
        for t, values in device.between(last, self._end_s, self._weather):
            sending = self._script.apply(device, t, values)
            if held and not sending.held:
                yield from self._send(device, waiting, last)
                waiting = []
            held = sending.held
            waiting.append(sending)
            last = t
            if len(waiting) >= self._batch and not held:
                yield from self._send(device, waiting, t)
                waiting = []
        yield from self._send(device, waiting, last)

    def _send(
        self, device: Device, waiting: Sequence[Sending], t: float
    ) -> Iterator[tuple[float, str, Outgoing]]:
        for start in range(0, len(waiting), self._batch):
            part = waiting[start : start + self._batch]
            for message in messages_of(device, part, self._end_s):
                yield t, device.id, message


def statuses(devices: Iterable[Device], state: str, session: int) -> Iterator[Outgoing]:
    """Retained status messages of a fleet."""
    for device in devices:
        yield status_of(device, state, session)


def status_of(device: Device, state: str, session: int) -> Outgoing:
    """A device's retained status; as `offline` also its will."""
    body = json.dumps({"state": state, "session": session}).encode()
    topic = Topic(device.medium, SensorId(device.id), TopicChannel.STATUS)
    return Outgoing(str(topic), body, device.id, retain=True)
