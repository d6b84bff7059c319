"""The embedded broker: amqtt in this process, for the demo, tests and small installations.

Two things are added to amqtt. Accounts with topic rights, for nobody is anonymous here. And
delivery at least once: amqtt acknowledges a publisher before it has passed the message on, and
forgets a message that a subscriber does not acknowledge in five seconds or whose connection breaks;
`KeepingHandler` passes on first, and keeps what is unacknowledged for the next connection. The
session lives in memory: production runs Mosquitto, which also keeps it on disk (ADR 0002).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import OUTGOING, ApplicationMessage, OutgoingApplicationMessage, Session
from paho.mqtt.client import topic_matches_sub

MAX_CONNECTIONS = 500
START_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Account:
    """Who may connect, and the topic filters that it may publish to and subscribe by."""

    password: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


class AccountsPlugin(BaseAuthPlugin, BaseTopicPlugin):
    """Checks name and password at connect, topic rights at publish and subscribe."""

    @dataclass
    class Config:
        accounts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _account(self, session: Session | None) -> dict[str, Any] | None:
        name = session.username if session else None
        return self.config.accounts.get(name) if name else None

    async def authenticate(self, *, session: Session) -> bool:
        account = self._account(session)
        given = (session.password or "").encode()
        return account is not None and hmac.compare_digest(account["password"].encode(), given)

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool:
        account = self._account(session)
        if account is None or topic is None:
            return False
        if action == Action.RECEIVE:  # its subscription was checked
            return True
        if action == Action.SUBSCRIBE:
            return topic in account["subscribe"]
        return any(topic_matches_sub(allowed, topic) for allowed in account["publish"])


Deliver = Callable[[Session, BrokerProtocolHandler, ApplicationMessage], Awaitable[bool]]


class KeepingHandler(BrokerProtocolHandler):
    """One connection whose QoS 1 messages are passed on before, and kept until, acknowledgement."""

    def __init__(self, *args: Any, deliver: Deliver, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deliver = deliver

    async def _handle_qos1_message_flow(self, app_message: Any) -> None:
        if self.session is None:
            return
        if app_message.direction == OUTGOING:
            again = app_message.publish_packet is not None
            self.session.inflight_out[app_message.packet_id] = app_message
            app_message.publish_packet = app_message.build_publish_packet(dup=again)
            await self._send_packet(app_message.publish_packet)
        elif await self._deliver(self.session, self, app_message):
            await self._send_packet(PubackPacket.build(app_message.packet_id))
        else:
            await self.handle_connection_closed()

    async def handle_puback(self, puback: PubackPacket) -> None:
        if self.session is not None:
            self.session.inflight_out.pop(puback.variable_header.packet_id, None)

    async def _retry_deliveries(self) -> None:
        if self.session is None:
            return
        unacknowledged: list[OutgoingApplicationMessage] = list(self.session.inflight_out.values())
        for message in unacknowledged:
            await self._handle_message_flow(message)


class _KeepingBroker(Broker):
    async def _initialize_client_session(self, *args: Any) -> tuple[BrokerProtocolHandler, Session]:
        _, session = await super()._initialize_client_session(*args)
        handler = KeepingHandler(self.plugins_manager, loop=self._loop, deliver=self._deliver)
        return handler, session

    async def _deliver(
        self, session: Session, handler: BrokerProtocolHandler, message: ApplicationMessage
    ) -> bool:
        """Hand a message to the subscribers; False when its topic is not allowed on the wire."""
        waiting: asyncio.Future[ApplicationMessage] = asyncio.get_running_loop().create_future()
        waiting.set_result(message)
        return await self._handle_message_delivery(session, handler, waiting)


class EmbeddedBroker:
    """A broker on 127.0.0.1 in a thread of its own. Speaks MQTT 3.1.1."""

    def __init__(self, port: int, accounts: Mapping[str, Account]) -> None:
        self.port = port
        self._config = {
            "listeners": {
                "default": {
                    "type": "tcp",
                    "bind": f"127.0.0.1:{port}",
                    "max_connections": MAX_CONNECTIONS,
                }
            },
            "timeout_disconnect_delay": 60,
            "plugins": {
                "onenet.broker.AccountsPlugin": {
                    "accounts": {name: asdict(account) for name, account in accounts.items()}
                }
            },
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._broker: Broker | None = None

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        self._thread.start()
        self._run(self._start())

    async def _start(self) -> None:
        self._broker = _KeepingBroker(self._config)
        await self._broker.start()

    def pending(self) -> int:
        """Messages taken from publishers that a persistent subscriber has not acknowledged."""
        if self._broker is None:
            return 0
        waiting = self._broker._broadcast_queue.qsize()
        for session, _ in list(self._broker.sessions.values()):
            if not session.clean_session:
                waiting += session.inflight_out_count + session.retained_messages_count
        return waiting

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._broker is not None:
            self._run(self._broker.shutdown())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=START_TIMEOUT_S)

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=START_TIMEOUT_S)
