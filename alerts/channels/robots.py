"""Robots of group chats: WeCom (企业微信) and DingTalk (钉钉), as plain text.

Text and not Markdown: what a station or a person is called must never become a link or a heading.
Both answer 200 with an `errcode` for everything, both take 20 messages a minute. An address is the
mobile number of whom the robot calls by name.
Shapes: developer.work.weixin.qq.com/document/path/91770 and
open.dingtalk.com/document/robots/custom-robot-access.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from alerts.channels.posting import Poster
from alerts.letter import Letter, TooFast, Undeliverable, link
from schemas import Clock, SystemClock

WECOM_BYTES = 2048
DINGTALK_BYTES = 20_000
# "api freq out of limit" of WeCom; DingTalk says 130101 or, of old, 302033.
TOO_FAST = frozenset({45009, 130101, 302033})
ERROR_SHOWN = 120


class WecomChannel:
    name = "wecom"
    parallel = 1

    def __init__(self, poster: Poster, console: str = "") -> None:
        self._poster = poster
        self._console = console

    def send(self, letter: Letter) -> None:
        content: dict[str, Any] = {
            "content": shortened(text_of(letter, self._console), WECOM_BYTES)
        }
        if letter.address:
            content["mentioned_mobile_list"] = [letter.address]
        _post(self._poster, {"msgtype": "text", "text": content}, {})


class DingtalkChannel:
    """secret: of a robot whose security is 加签; empty for one that goes by keyword or address."""

    name = "dingtalk"
    parallel = 1

    def __init__(
        self, poster: Poster, secret: str = "", console: str = "", clock: Clock | None = None
    ) -> None:
        self._poster = poster
        self._secret = secret
        self._console = console
        self._clock = clock or SystemClock()

    def send(self, letter: Letter) -> None:
        called = f"\n@{letter.address}" if letter.address else ""
        text = shortened(text_of(letter, self._console), DINGTALK_BYTES - len(called)) + called
        body = {
            "msgtype": "text",
            "text": {"content": text},
            "at": {"atMobiles": [letter.address] if letter.address else [], "isAtAll": False},
        }
        _post(self._poster, body, self._signed())

    def _signed(self) -> dict[str, str]:
        if not self._secret:
            return {}
        timestamp = round(self._clock.now().timestamp() * 1000)
        return {"timestamp": str(timestamp), "sign": dingtalk_sign(self._secret, timestamp)}


def dingtalk_sign(secret: str, timestamp_ms: int) -> str:
    """The signature by which DingTalk knows the sender, before it is written into a URL."""
    digest = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode("ascii")


def text_of(letter: Letter, console: str = "") -> str:
    """The message in both languages, and where to act on it."""
    content = letter.content
    lines = [content[name] for name in ("title_zh", "text_zh", "title_en", "text_en")]
    return "\n".join(filter(None, [*lines, link(console, content)]))


def shortened(text: str, most: int) -> str:
    """A text of so many bytes at most, cut between characters."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return raw.decode()
    return raw[: most - len("…".encode())].decode("utf-8", "ignore") + "…"


def _post(poster: Poster, body: dict[str, Any], params: dict[str, str]) -> None:
    raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    answer = poster.post(raw, {"Content-Type": "application/json"}, params)
    try:
        said = answer.json()
        code, message = said["errcode"], str(said.get("errmsg", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Undeliverable("answer without errcode") from None
    if code in TOO_FAST:
        raise TooFast(f"errcode {code}")
    if code != 0:
        raise Undeliverable(f"errcode {code}: {message[:ERROR_SHOWN]}")
