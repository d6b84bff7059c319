"""The embedded broker: amqtt in this process, for the demo, tests and small installations.

Two things are added to amqtt. Accounts with topic rights, for nobody is anonymous here: our
services' are given, sensors' are asked of a `Gate` over the registry, and cut when it says so. And
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
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.errors import MQTTError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import OUTGOING, ApplicationMessage, OutgoingApplicationMessage, Session
from amqtt.utils import gen_client_id
from paho.mqtt.client import topic_matches_sub
from sqlalchemy.exc import OperationalError

from onenet.gate import Gate
from registry.accounts import Rights

log = logging.getLogger(__name__)

CUT_OFF_EVERY_S = 1.0
MAX_CONNECTIONS = 500
TIMEOUT_DELAY_S = 60
START_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Account:
    """Who may connect, and the topic filters that it may publish to and subscribe by."""

    password: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


# amqtt builds its plugins itself and hands them plain data: gates are found here by broker.
_GATES: dict[str, Gate] = {}


class AccountsPlugin(BaseAuthPlugin, BaseTopicPlugin):
    """Checks name and password at connect, topic rights at publish and subscribe."""

    @dataclass
    class Config:
        accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
        gate: str = ""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._sensors: dict[str, Rights] = {}

    async def authenticate(self, *, session: Session) -> bool:
        name, given = session.username or "", session.password or ""
        account = self.config.accounts.get(name)
        if account is not None:
            return hmac.compare_digest(account["password"].encode(), given.encode())
        gate = _GATES.get(self.config.gate)
        entry = await asyncio.to_thread(gate.admits, name, given) if gate and name else None
        if entry is None:
            return False
        self._sensors[name] = entry.rights
        return True

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool:
        name = session.username if session else None
        if not name or topic is None:
            return False
        account = self.config.accounts.get(name)
        if account is None:
            return self._sensor_may(name, topic, action)
        if action == Action.RECEIVE:  # its subscription was checked
            return True
        if action == Action.SUBSCRIBE:
            return topic in account["subscribe"]
        return any(topic_matches_sub(allowed, topic) for allowed in account["publish"])

    def _sensor_may(self, name: str, topic: str, action: Action | None) -> bool:
        """Its filters are narrow and have no `#`: what they match, it may subscribe to as well."""
        rights = self._sensors.get(name)
        if rights is None:
            return False
        allowed = rights.publish if action == Action.PUBLISH else rights.subscribe
        return any(topic == one or topic_matches_sub(one, topic) for one in allowed)


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

    async def stop(self) -> None:
        """As amqtt's. Its reader, asked to end, may not hear it while there is more to read: then
        who floods could never be cut off. Without a stream it ends at the next packet.
        """
        self.reader = None
        await super().stop()

    async def handle_puback(self, puback: PubackPacket) -> None:
        if self.session is not None:
            self.session.inflight_out.pop(puback.variable_header.packet_id, None)

    async def _retry_deliveries(self) -> None:
        if self.session is None:
            return
        unacknowledged: list[OutgoingApplicationMessage] = list(self.session.inflight_out.values())
        for message in unacknowledged:
            await self._handle_message_flow(message)


class SteadyFilters(dict[str, list[tuple[Session, int]]]):
    """Subscriptions that may change while amqtt passes a message on: it looks at a copy.

    Else whoever comes or goes at that moment makes it drop the message for the filters left.
    """

    def items(self) -> Any:
        return [(topic_filter, list(sessions)) for topic_filter, sessions in super().items()]

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().keys()))


_FROM_NEW_CONNECTION = (
    *("will_flag", "will_message", "will_topic", "will_qos", "will_retain"),
    *("keep_alive", "username", "password"),
)


class _KeepingBroker(Broker):
    """services: accounts that choose their client id; all others are given their name for it."""

    services: frozenset[str] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._subscriptions = SteadyFilters()

    async def _initialize_client_session(
        self, reader: Any, writer: Any, *_peer: Any
    ) -> tuple[BrokerProtocolHandler, Session]:
        """As amqtt's, but nothing is touched before the client has shown who it is.

        Else anybody could throw away, or take over, the session of ingest by its client id. A will
        is a message: one that the client might not publish is not taken.
        """
        try:
            _, session = await BrokerProtocolHandler.init_from_connect(
                reader, writer, self.plugins_manager
            )
        except MQTTError:
            await writer.close()
            raise
        if not await self._authenticate(session, None):
            session.client_id, session.clean_session = gen_client_id(), True  # and is told so next
        elif session.username not in self.services:
            session.client_id = session.username
        if session.will_flag and not await self._topic_filtering(
            session, session.will_topic or "", Action.PUBLISH
        ):
            session.will_flag = False
        handler = KeepingHandler(self.plugins_manager, loop=self._loop, deliver=self._deliver)
        return handler, await self._kept_session(session)

    async def _kept_session(self, new: Session) -> Session:
        """The session that a client comes back to, brought up to date; or its new one."""
        new.keep_alive += TIMEOUT_DELAY_S if new.keep_alive > 0 else 0
        new.client_id = new.client_id or gen_client_id()
        old, _ = self._sessions.get(new.client_id, (None, None))
        if new.clean_session and old is not None:
            await self._delete_session(new.client_id)
        if new.clean_session or old is None:
            new.parent = 0
            return new
        for name in _FROM_NEW_CONNECTION:
            setattr(old, name, getattr(new, name))
        old.parent = 1
        return old

    async def _deliver(
        self, session: Session, handler: BrokerProtocolHandler, message: ApplicationMessage
    ) -> bool:
        """Hand a message to the subscribers; False when its topic is not allowed on the wire."""
        waiting: asyncio.Future[ApplicationMessage] = asyncio.get_running_loop().create_future()
        waiting.set_result(message)
        return await self._handle_message_delivery(session, handler, waiting)


class EmbeddedBroker:
    """A broker on 127.0.0.1 in a thread of its own. Speaks MQTT 3.1.1."""

    def __init__(
        self, port: int, accounts: Mapping[str, Account], gate: Gate | None = None
    ) -> None:
        self.port = port
        self._gate = gate
        self._services = frozenset(accounts)
        if gate is not None:
            _GATES[str(port)] = gate
        self._config = {
            "listeners": {
                "default": {
                    "type": "tcp",
                    "bind": f"127.0.0.1:{port}",
                    "max_connections": MAX_CONNECTIONS,
                }
            },
            "timeout_disconnect_delay": TIMEOUT_DELAY_S,
            "plugins": {
                "onenet.broker.AccountsPlugin": {
                    "accounts": {name: asdict(account) for name, account in accounts.items()},
                    "gate": str(port),
                }
            },
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._broker: Broker | None = None
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        self._thread.start()
        self._run(self._start())

    async def _start(self) -> None:
        self._broker = _KeepingBroker(self._config)
        self._broker.services = self._services
        await self._broker.start()
        if self._gate is not None:
            self._watch = asyncio.create_task(self._cut_off(self._gate, self._broker))

    async def _cut_off(self, gate: Gate, broker: Broker) -> None:
        """Every second, close the connections of sensors that may be connected no longer."""
        while True:
            await asyncio.sleep(CUT_OFF_EVERY_S)
            try:
                welcome = await asyncio.to_thread(gate.let_in)
            except OperationalError as error:  # asked again; nobody new gets in meanwhile
                log.warning("registry away, sensors stay connected: %s", error)
                continue
            for session, handler in list(broker.sessions.values()):
                name = session.username
                connected = session.transitions.state == "connected"
                if connected and name and name not in self._services | welcome:
                    await handler.handle_connection_closed()

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
        if self._watch is not None:
            self._loop.call_soon_threadsafe(self._watch.cancel)
        if self._broker is not None:
            self._run(self._broker.shutdown())
        _GATES.pop(str(self.port), None)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=START_TIMEOUT_S)

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=START_TIMEOUT_S)
