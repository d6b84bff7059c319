"""Real servers that alerts are delivered to: HTTP, SMTP and Mosquitto, failing when told to."""

from __future__ import annotations

import email
import email.policy
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from aiosmtpd.controller import Controller

from alerts.channels.posting import Poster, networks
from tests.brokers import free_port
from tests.parts import need


def here(url: str) -> Poster:
    """Posts to a receiver on this machine, as an installation that names it may."""
    return Poster(url, networks("127.0.0.1"))


class HttpReceiver:
    """Keeps what it is sent. answer: status and body, as said or as `failing` demands."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[tuple[dict[str, str], bytes, str]] = []
        self.failing: Callable[[], bool] = lambda: False
        self.status, self.answer, self.slow_s = 204, b"", 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(outer.slow_s)
                failing = outer.failing()
                if not failing:
                    outer.got.append((dict(self.headers), body, self.path))
                self.send_response(503 if failing else outer.status)
                said = b"" if failing or outer.status == 204 else outer.answer
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body, _ in self.got]

    @property
    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for headers, _, _ in self.got]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class MailBox:
    """A real SMTP server's handler. refuse: recipients that it says 550 to."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.failing: Callable[[], bool] = lambda: False
        self.refuse: set[str] = set()

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refuse:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.failing():
            return "451 try again later"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.got.append(mail)
        return "250 OK"


@contextmanager
def mail_server(**more: Any) -> Iterator[tuple[MailBox, int]]:
    """A mail server on loopback and its port."""
    box = MailBox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port, **more)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


@contextmanager
def mosquitto(folder: Path, port: int) -> Iterator[None]:
    """A real Mosquitto on a port, ready."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    need("mosquitto", Path(program).exists())
    conf = folder / f"mosquitto-{port}.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", "utf-8")
    broker = subprocess.Popen([program, "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        broker.terminate()
        broker.wait()


@contextmanager
def listening(port: int) -> Iterator[list[mqtt.MQTTMessage]]:
    """What is published about alerts while somebody listens."""
    seen: list[mqtt.MQTTMessage] = []
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _d, message: seen.append(message)
    client.on_connect = lambda c, *_: c.subscribe("onenet/v1/alerts/#", 1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert ready.wait(10)
    try:
        yield seen
    finally:
        client.disconnect()
        client.loop_stop()
