"""One connection for each device that has an account of its own; the others share the fleet's.

Publishing, draining and leaving look as with a single `Publisher`. A device with a connection of
its own leaves a will, listens to its commands and answers them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from schemas import Topic, TopicChannel
from schemas.wire import Command, Reply
from simulators.fleet import Device
from simulators.ledger import Ledger, Outgoing
from simulators.messages import status_of
from simulators.publisher import Address, Publisher

Obey = Callable[[Device, Command], Reply]


class Switchboard:
    """The connections of a fleet. Use as a context manager."""

    def __init__(
        self,
        address: Address,
        ledger: Ledger,
        client_id: str,
        devices: Sequence[Device],
        *,
        session: int,
        obey: Obey,
    ) -> None:
        own = [device for device in devices if device.username]
        self._own = {device.id: self._of(device, address, ledger, session, obey) for device in own}
        shared = len(own) < len(devices) or not devices
        self._shared = Publisher(address, ledger, client_id) if shared else None

    @staticmethod
    def _of(
        device: Device, address: Address, ledger: Ledger, session: int, obey: Obey
    ) -> Publisher:
        publisher = Publisher(
            replace(address, username=device.username, password=device.password),
            ledger,
            device.username,
            will=status_of(device, "offline", session),
        )
        publisher.listen(
            str(Topic(device.medium, device.id, TopicChannel.CMD)),
            lambda payload: _answer(device, payload, publisher, obey),
        )
        return publisher

    def __enter__(self) -> Switchboard:
        """Connect all. Raises ConnectionError, naming the device that is refused."""
        for name, publisher in self._own.items():
            try:
                publisher.__enter__()
            except ConnectionError as error:
                raise ConnectionError(f"{name}: {error}") from error
        if self._shared is not None:
            self._shared.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        # Beside each other: each may wait some seconds for a broker that is gone.
        everybody = self._all()
        with ThreadPoolExecutor(max(1, len(everybody))) as pool:
            list(pool.map(lambda publisher: publisher.__exit__(*error), everybody))

    def publish(self, message: Outgoing) -> None:
        publisher = self._own.get(message.sensor, self._shared)  # type: ignore[call-overload]
        publisher.publish(message)

    def drain(self, patience_s: float) -> int:
        """Wait until everything is acknowledged; returns how many messages still are not."""
        end = time.monotonic() + patience_s
        return sum(publisher.drain(max(0.0, end - time.monotonic())) for publisher in self._all())

    def leave(self) -> None:
        for publisher in self._all():
            publisher.leave()

    def _all(self) -> list[Publisher]:
        return [*self._own.values(), *([self._shared] if self._shared else [])]


def _answer(device: Device, payload: bytes, publisher: Publisher, obey: Obey) -> None:
    """Do a command and tell what became of it; what is no command is left alone."""
    try:
        command = Command.model_validate_json(payload)
    except ValueError:
        return
    if command.expires < time.time() * 1000:
        reply = Reply(id=command.id, state="refused", text="it has expired")
    else:
        reply = obey(device, command)
    topic = Topic(device.medium, device.id, TopicChannel.REPLY)
    publisher.send(str(topic), reply.model_dump_json(exclude_none=True).encode())
