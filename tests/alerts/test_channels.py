"""Each channel against a real server: what arrives, and what it makes of each kind of refusal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.channels import (
    CHANNELS,
    ChannelSettings,
    DingtalkChannel,
    EmailChannel,
    Server,
    WebhookChannel,
    WecomChannel,
    broadcast_from_environment,
    channels_from_environment,
    check_address,
)
from alerts.channels.posting import Poster, networks
from alerts.channels.robots import shortened
from alerts.channels.signing import headers, signature
from alerts.letter import Letter, Refused, TooFast, Undeliverable
from schemas import FixedClock
from schemas.people import Unacceptable
from tests.alerts.receivers import HttpReceiver, MailBox, here, mail_server
from tests.brokers import free_port

AT = datetime(2026, 11, 24, 15, 20, tzinfo=UTC)
SECRET = "a secret of both sides"
HOSTILE = "<b>\"&'\r\nBcc: all@example.org\x00]]>"


def letter(**more: Any) -> Letter:
    content = {
        "alert": 12,
        "event": "open",
        "severity": "red",
        "district": "luohu",
        "title_zh": "【红色告警】罗湖区东门路口：噪声超标",
        "title_en": "[red Alert] Luohu, Dongmen Road: noise",
        "text_zh": "罗湖区东门路口，等效声级 88 > 70 dB(A)",
        "text_en": "Luohu, Dongmen Road, 88 > 70 dB(A)",
        "basis": "GB 3096-2008",
        "peak": 88.0,
    }
    fields = {"key": "alert-12-event-34", "at": AT, "recipient": "duty:林芳", **more}
    fields["content"] = content | more.get("content", {})
    return Letter(**fields)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    made = HttpReceiver()
    yield made
    made.close()


# The verifier that receivers copy is the one of the documentation.

DOCS = Path(__file__).parents[2] / "docs/alerts-delivery.md"


def documented() -> Any:
    code = re.search(r"```python\n(.*?def genuine.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)
    return names["genuine"]


genuine = documented()


def test_a_receiver_can_tell_that_a_webhook_is_ours(receiver: HttpReceiver) -> None:
    console = "https://console.example.org"
    channel = WebhookChannel(here(receiver.url), SECRET, console, FixedClock(AT))
    channel.send(letter(address="13800000000"))
    sent, body, _ = receiver.got[0]
    now = AT.timestamp()
    assert genuine(SECRET, sent, body, now)
    assert not genuine("another secret", sent, body, now)
    assert not genuine(SECRET, sent, body.replace(b"88", b"68"), now)
    assert not genuine(SECRET, {**sent, "Idempotency-Key": "alert-1-event-1"}, body, now)
    told = json.loads(body)
    assert told["key"] == sent["Idempotency-Key"] == "alert-12-event-34"
    assert (told["recipient"], told["to"]) == ("duty:林芳", "13800000000")
    assert told["url"] == "https://console.example.org/alerts/12"
    assert told["at"] == "2026-11-24T23:20:00+08:00"


@pytest.mark.parametrize(("off_s", "fresh"), [(0, True), (299, True), (301, False), (-301, False)])
def test_an_old_copy_of_a_webhook_is_refused(off_s: int, fresh: bool) -> None:
    made = headers([SECRET], int(AT.timestamp()), "key", b"{}")
    assert genuine(SECRET, made, b"{}", AT.timestamp() + off_s) is fresh
    later = {**made, "OneNet-Timestamp": str(int(AT.timestamp()) + off_s)}
    assert genuine(SECRET, later, b"{}", AT.timestamp() + off_s) is (off_s == 0), "re-dated"


def test_a_secret_is_exchanged_without_losing_a_message(receiver: HttpReceiver) -> None:
    channel = WebhookChannel(here(receiver.url), f"new one,{SECRET}", clock=FixedClock(AT))
    channel.send(letter())
    sent, body, _ = receiver.got[0]
    assert genuine(SECRET, sent, body, AT.timestamp())
    assert genuine("new one", sent, body, AT.timestamp())


@given(st.text(min_size=1), st.binary(), st.integers(0, 2**33), st.text(max_size=40))
def test_a_signature_stands_for_secret_key_time_and_body(
    secret: str, body: bytes, at: int, key: str
) -> None:
    secret, key = (
        secret.encode("utf-8", "ignore").decode() or "s",
        key.encode("ascii", "ignore").decode(),
    )
    made = {
        "OneNet-Timestamp": str(at),
        "Idempotency-Key": key,
        "OneNet-Signature": f"v1={signature(secret, at, key, body)}",
    }
    assert genuine(secret, made, body, at)
    assert not genuine(secret, made, body + b"x", at)
    assert not genuine(secret + "x", made, body, at)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (422, Refused), (429, TooFast), (401, Undeliverable), (500, Undeliverable)],
)
def test_what_a_webhook_says_is_about_the_letter_or_the_channel(
    receiver: HttpReceiver, status: int, error: type[Exception]
) -> None:
    receiver.status = status
    with pytest.raises(error) as told:
        WebhookChannel(here(receiver.url)).send(letter())
    assert type(told.value) is error
    assert str(status) in str(told.value)


def test_no_error_tells_a_url_with_its_key() -> None:
    for url in (f"http://127.0.0.1:{free_port()}/send?key=top-secret", "nonsense://top-secret"):
        with pytest.raises(Undeliverable) as told:
            WecomChannel(here(url)).send(letter())
        assert "top-secret" not in str(told.value)


# Receivers within


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_a_receiver_within_is_sent_nothing_unless_it_is_named(
    receiver: HttpReceiver, name: str
) -> None:
    url = receiver.url.replace("127.0.0.1", name)
    for private in ("", "10.0.0.0/8, 127.0.0.2"):
        with pytest.raises(Undeliverable, match="ONENET_PRIVATE_RECEIVERS"):
            WebhookChannel(Poster(url, networks(private))).send(letter())
    assert receiver.got == []
    WebhookChannel(Poster(url, networks("127.0.0.0/8"))).send(letter())
    assert len(receiver.got) == 1


def test_a_redirect_leads_nowhere(receiver: HttpReceiver) -> None:
    receiver.status = 307
    with pytest.raises(Undeliverable, match="307"):
        WebhookChannel(here(receiver.url)).send(letter())
    assert len(receiver.got) == 1


def test_networks_that_are_none_are_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ONENET_WEBHOOK_URL", "https://example.org/hook")
    environment.setenv("ONENET_PRIVATE_RECEIVERS", "10.0.0.0/8, intranet")
    with pytest.raises(ValueError, match=r"ONENET_PRIVATE_RECEIVERS.*'intranet'"):
        channels_from_environment()


# Robots


def test_wecom_gets_plain_text_and_calls_whoever_is_on_duty(receiver: HttpReceiver) -> None:
    receiver.status, receiver.answer = 200, b'{"errcode":0,"errmsg":"ok"}'
    WecomChannel(here(receiver.url), "https://c.example.org").send(letter(address="13800000000"))
    (body,) = receiver.bodies
    assert body["msgtype"] == "text"
    assert body["text"]["mentioned_mobile_list"] == ["13800000000"]
    assert "东门路口" in body["text"]["content"]
    assert body["text"]["content"].endswith("https://c.example.org/alerts/12")


def test_dingtalk_is_signed_as_its_documentation_says(receiver: HttpReceiver) -> None:
    receiver.status, receiver.answer = 200, b'{"errcode":0,"errmsg":"ok"}'
    url = f"{receiver.url}?access_token=x"
    DingtalkChannel(here(url), "SECabc", clock=FixedClock(AT)).send(letter(address="13800000000"))
    query = parse_qs(urlsplit(receiver.got[0][2]).query)
    timestamp = str(round(AT.timestamp() * 1000))
    digest = hmac.digest(b"SECabc", f"{timestamp}\nSECabc".encode(), hashlib.sha256)
    assert query == {
        "access_token": ["x"],
        "timestamp": [timestamp],
        "sign": [base64.b64encode(digest).decode()],
    }
    (body,) = receiver.bodies
    assert body["at"] == {"atMobiles": ["13800000000"], "isAtAll": False}
    assert "@13800000000" in body["text"]["content"]


@pytest.mark.parametrize("channel", [WecomChannel, DingtalkChannel])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b'{"errcode":93000,"errmsg":"invalid webhook url"}', Undeliverable),
        (b'{"errcode":310000,"errmsg":"sign not match"}', Undeliverable),
        (b'{"errcode":45009,"errmsg":"api freq out of limit"}', TooFast),
        (b'{"errcode":130101,"errmsg":"send too fast"}', TooFast),
        (b"<html>a proxy's page</html>", Undeliverable),
        (b"[]", Undeliverable),
    ],
)
def test_a_robot_that_says_no_in_a_200_has_not_delivered(
    receiver: HttpReceiver, channel: Any, answer: bytes, error: type[Exception]
) -> None:
    receiver.status, receiver.answer = 200, answer
    with pytest.raises(error) as told:
        channel(here(receiver.url)).send(letter())
    assert type(told.value) is error


@given(st.text(), st.integers(3, 60))
def test_a_text_is_cut_to_bytes_between_characters(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert len(cut.encode()) <= most
    assert cut == text or cut.endswith("…") or "\ufffd" in cut or "?" in cut


# Mail


@pytest.fixture
def mail() -> Iterator[tuple[MailBox, int]]:
    with mail_server() as made:
        yield made


def mailer(port: int, **more: Any) -> EmailChannel:
    return EmailChannel(Server("127.0.0.1", port, "none"), "onenet@example.org", **more)


def test_a_mail_says_it_in_both_languages_as_text_and_as_html(mail: tuple[MailBox, int]) -> None:
    box, port = mail
    console = "https://c.example.org/"
    mailer(port, console=console).send(letter(address="lin.fang@example.org"))
    (got,) = box.got
    assert got["To"] == "lin.fang@example.org"
    assert "红色告警" in got["Subject"]
    assert "red Alert" in got["Subject"]
    text = got.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    html = got.get_body(("html",)).get_content()  # type: ignore[union-attr]
    for said in (text, html):
        assert "等效声级" in said
        assert "Dongmen Road" in said
        assert "https://c.example.org/alerts/12" in said


def test_a_repeated_mail_has_the_same_message_id(mail: tuple[MailBox, int]) -> None:
    box, port = mail
    for address in ("a@example.org", "a@example.org", "b@example.org"):
        mailer(port).send(letter(address=address))
    first, second, other = (got["Message-ID"] for got in box.got)
    assert first == second != other
    assert first.startswith("<alert-12-event-34.")


def test_hostile_words_stay_words_in_a_mail(mail: tuple[MailBox, int]) -> None:
    box, port = mail
    names = ("title_zh", "title_en", "text_zh", "text_en", "basis")
    mailer(port).send(letter(address="a@example.org", content=dict.fromkeys(names, HOSTILE)))
    (got,) = box.got
    assert got["Bcc"] is None
    assert "Bcc: all@example.org" in got["Subject"], "one line, as text"
    html = got.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


@given(st.text(max_size=60))
def test_whatever_a_station_is_called_a_mail_can_be_written(name: str) -> None:
    from alerts.channels.email import mail_of

    name = name.encode("utf-8", "ignore").decode()
    names = ("title_zh", "title_en", "text_zh", "text_en", "basis")
    made = mail_of(
        letter(address="a@example.org", content=dict.fromkeys(names, name)),
        "onenet@example.org",
        "",
        None,
    )
    head, _, _ = made.as_bytes().partition(b"\r\n\r\n")
    told = {line.split(b":")[0].lower() for line in head.split(b"\r\n") if line[:1].strip()}
    assert told == {
        b"from", b"to", b"subject", b"date", b"message-id", b"auto-submitted", b"references",
        b"mime-version", b"content-type",
    }  # fmt: skip


def test_a_refused_mailbox_is_about_the_letter_and_a_busy_server_about_the_channel(
    mail: tuple[MailBox, int],
) -> None:
    box, port = mail
    box.refuse = {"gone@example.org"}
    with pytest.raises(Refused):
        mailer(port).send(letter(address="gone@example.org"))
    with pytest.raises(Refused):
        mailer(port).send(letter(address="a@example.org\r\nRCPT TO:<b@example.org>"))
    box.failing = lambda: True
    with pytest.raises(Undeliverable) as told:
        mailer(port).send(letter(address="a@example.org"))
    assert not isinstance(told.value, Refused)
    with pytest.raises(Undeliverable):
        mailer(free_port()).send(letter(address="a@example.org"))
    assert not box.got


def test_mail_is_encrypted_and_logged_in_where_settings_say_so(tmp_path: Path) -> None:
    import ssl

    from aiosmtpd.smtp import AuthResult, LoginPassword

    from onenet.certificates import make_authority, make_server

    now = datetime.now(UTC)
    authority = make_authority(now)
    pair = make_server(authority, ["127.0.0.1", "localhost"], now)
    for name, content in (
        ("ca.pem", authority.certificate),
        ("cert.pem", pair.certificate),
        ("key.pem", pair.key),
    ):
        (tmp_path / name).write_text(content, "ascii")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")

    def check(_s: Any, _session: Any, _e: Any, _m: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"onenet", b"pass word"))

    more = {"authenticator": check, "auth_required": True, "require_starttls": True}
    with mail_server(tls_context=context, **more) as (box, port):
        for password, arrives in (("pass word", True), ("wrong", False)):
            server = Server(
                "127.0.0.1", port, "starttls", "onenet", password, str(tmp_path / "ca.pem")
            )
            channel = EmailChannel(server, "onenet@example.org")
            if arrives:
                channel.send(letter(address="a@example.org"))
            else:
                with pytest.raises(Undeliverable) as told:
                    channel.send(letter(address="a@example.org"))
                assert "wrong" not in str(told.value)
        assert len(box.got) == 1
        unknown = EmailChannel(Server("127.0.0.1", port), "onenet@example.org")
        with pytest.raises(Undeliverable, match="CERTIFICATE"):
            unknown.send(letter(address="a@example.org"))


# Settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    import os

    for name in [name for name in os.environ if name.startswith("ONENET_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def test_a_channel_exists_where_its_address_is_set(environment: pytest.MonkeyPatch) -> None:
    assert channels_from_environment() == []
    environment.setenv("ONENET_WEBHOOK_URL", "https://example.org/hook")
    environment.setenv("ONENET_SMTP_HOST", "mail.example.org")
    environment.setenv("ONENET_SMTP_FROM", "onenet@example.org")
    environment.setenv("ONENET_SMTP_TO", "duty@example.org, chief@example.org")
    assert [channel.name for channel in channels_from_environment()] == ["webhook", "email"]
    expected = ("webhook", "email:duty@example.org", "email:chief@example.org")
    assert broadcast_from_environment() == expected
    environment.setenv("ONENET_BROADCAST", "mqtt")
    assert broadcast_from_environment() == ("mqtt",)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ONENET_BROADCAST", "pigeon", "ONENET_BROADCAST"),
        ("ONENET_BROADCAST", "email", "address"),
        ("ONENET_SMTP_HOST", "mail.example.org", "ONENET_SMTP_FROM"),
    ],
)
def test_a_wrong_setting_is_named(
    environment: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(ValueError, match=told):
        broadcast_from_environment()


def test_settings_are_shown_without_their_secrets(environment: pytest.MonkeyPatch) -> None:
    for name in ("WEBHOOK_SECRET", "SMTP_PASSWORD", "DINGTALK_SECRET", "WECOM_URL", "CAP_SECRET"):
        environment.setenv(f"ONENET_{name}", "top-secret")
    assert "top-secret" not in repr(ChannelSettings())
    environment.setenv("ONENET_SMTP_SECURITY", "sometimes")
    with pytest.raises(ValidationError):
        ChannelSettings()


@pytest.mark.parametrize(
    ("channel", "address", "fits"),
    [
        ("email", "li.na@example.org", True),
        ("email", "", False),
        ("email", "li na@example.org", False),
        ("email", "a@b.org,c@d.org", False),
        ("wecom", "13800000000", True),
        ("wecom", "", True),
        ("dingtalk", "https://example.org/robot", False),
        ("mqtt", "", True),
        ("mqtt", "anything", False),
    ],
)
def test_an_address_fits_its_channel(channel: str, address: str, fits: bool) -> None:
    assert channel in CHANNELS
    if fits:
        check_address(channel, address)
    else:
        with pytest.raises(Unacceptable):
            check_address(channel, address)


def test_the_time_of_a_signature_is_that_of_sending(receiver: HttpReceiver) -> None:
    clock = FixedClock(AT)
    channel = WebhookChannel(here(receiver.url), SECRET, clock=clock)
    channel.send(letter())
    clock.advance(timedelta(minutes=10))
    channel.send(letter())
    first, again = receiver.got
    assert first[0]["Idempotency-Key"] == again[0]["Idempotency-Key"]
    assert genuine(SECRET, again[0], again[1], clock.now().timestamp())
    assert not genuine(SECRET, first[0], first[1], clock.now().timestamp())
