"""Mail by SMTP: one bilingual message as text and HTML, on request with the printed sheet.

The Message-ID is made of the key and the recipient, so that a mailbox that gets a repeat can tell.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Literal

from alerts.letter import Letter, Refused, Undeliverable, link
from schemas import CITY_TIME

TIMEOUT_S = 10.0
ERROR_SHOWN = 160
# One address as people write it; what a server makes of it is the server's business.
ADDRESS = re.compile(r"^[^\s@<>\",;:()\[\]\\]{1,64}@[^\s@<>\",;:()\[\]\\]{1,190}$")
COLOURS = {"red": "#e0002b", "orange": "#f58220", "yellow": "#c79a00", "blue": "#2a7fe0"}
FACTS = (
    ("severity", "等级", "grade"),
    ("state", "状态", "state"),
    ("parameter", "监测因子", "parameter"),
    ("peak", "最大值", "peak"),
    ("limit", "限值", "limit"),
    ("unit", "单位", "unit"),
    ("started", "开始", "since"),
    ("ended", "结束", "until"),
    ("basis", "依据", "by"),
    ("sensor", "设备", "sensor"),
)

Sheet = Callable[[Letter], bytes | None]


@dataclass(frozen=True, slots=True)
class Server:
    """An SMTP server. security: `starttls`, `tls` from the first byte, or `none` on a trusted net.

    ca: file of the authority that signed its certificate; empty: the system's.
    """

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""


class EmailChannel:
    """Mails to the letter's address.

    sheet: makes the printed sheet of a letter's alert; None: nothing is attached.
    """

    name = "email"
    parallel = 2

    def __init__(
        self,
        server: Server,
        sender: str,
        console: str = "",
        sheet: Sheet | None = None,
    ) -> None:
        self._server = server
        self._sender = sender
        self._console = console
        self._sheet = sheet

    def send(self, letter: Letter) -> None:
        if not ADDRESS.match(letter.address):
            raise Refused("no address that mail could go to")
        attached = self._sheet(letter) if self._sheet is not None else None
        mail = mail_of(letter, self._sender, self._console, attached)
        try:
            with self._connected() as smtp:
                smtp.send_message(mail, self._sender, [letter.address])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
            raise _of_answer(error) from None
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            raise Undeliverable(f"{type(error).__name__}: {error}"[:ERROR_SHOWN]) from None

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context(cafile=server.ca or None)
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT_S, context=context
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        try:
            if server.security == "starttls":
                smtp.starttls(context=context)
            if server.username:
                smtp.login(server.username, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def mail_of(letter: Letter, sender: str, console: str, sheet: bytes | None) -> EmailMessage:
    """The whole mail."""
    content = letter.content
    url = link(console, content)
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, letter.address
    mail["Subject"] = _one_line(f"{content['title_zh']} {content['title_en']}")
    mail["Date"] = format_datetime(letter.at.astimezone(CITY_TIME))
    mail["Message-ID"] = message_id(letter, sender)
    mail["Auto-Submitted"] = "auto-generated"
    if content.get("alert"):
        mail["References"] = f"<alert-{content['alert']}@{_domain(sender)}>"  # one thread an alert
    mail.set_content(_text(content, url))
    mail.add_alternative(_html(content, url), subtype="html")
    if sheet is not None:
        name = f"alert-{content['alert']}.pdf"
        mail.add_attachment(sheet, maintype="application", subtype="pdf", filename=name)
    return mail


def message_id(letter: Letter, sender: str) -> str:
    """The same for every attempt to the same recipient."""
    who = hashlib.sha256(f"{letter.recipient}\n{letter.address}".encode()).hexdigest()[:12]
    return f"<{letter.key}.{who}@{_domain(sender)}>"


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2] or "onenet.invalid"


def _one_line(text: str) -> str:
    """A header ends at a line's end, whoever put it there."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def _readable(text: object) -> str:
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", str(text))


def _facts(content: dict[str, object]) -> list[tuple[str, str, str]]:
    known = [(name, zh, en) for name, zh, en in FACTS if content.get(name) not in (None, "")]
    return [(zh, en, _readable(content[name])) for name, zh, en in known]


def _text(content: dict[str, object], url: str) -> str:
    lines = [content[name] for name in ("title_zh", "text_zh", "title_en", "text_en")]
    facts = [f"{zh} {en}: {value}" for zh, en, value in _facts(content)]
    return "\n".join([*map(_readable, lines), "", *facts, "", url]).rstrip() + "\n"


def _html(content: dict[str, object], url: str) -> str:
    shown = {name: escape(_readable(content[name])) for name in content if name[-3:] in _LANGUAGES}
    colour = COLOURS.get(str(content["severity"]), "#41545f")
    rows = "".join(
        f'<tr><th style="text-align:left;padding:2px 12px 2px 0;font-weight:500">{zh} {en}</th>'
        f"<td>{escape(value)}</td></tr>"
        for zh, en, value in _facts(content)
    )
    way = f'<p><a href="{escape(url)}">处理告警 · act on it</a></p>' if url else ""
    return (
        '<!doctype html><html><body style="font-family:sans-serif;color:#17262f">'
        f'<div style="border-left:6px solid {colour};padding-left:12px">'
        f"<h2>{shown['title_zh']}</h2><p>{shown['text_zh']}</p>"
        f'<h3 lang="en">{shown["title_en"]}</h3><p lang="en">{shown["text_en"]}</p>'
        f"</div><table>{rows}</table>{way}</body></html>\n"
    )


_LANGUAGES = ("_zh", "_en")


def _of_answer(
    error: smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException,
) -> Undeliverable:
    """5xx about a recipient or the content is about this letter, everything else the channel's."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        told = f"recipients refused: {', '.join(map(str, codes))}"
        return (Refused if all(code >= 500 for code in codes) else Undeliverable)(told)
    told = f"SMTP {error.smtp_code}"
    permanent = error.smtp_code >= 500 and isinstance(error, smtplib.SMTPDataError)
    return (Refused if permanent else Undeliverable)(told)
