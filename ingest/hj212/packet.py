"""A segment of HJ 212 taken apart: header, data area, items by factor. Raises Rejected.

Lenient where the field is (blanks, `;` for `,`, `FLAG`), strict where a mistake would become a
value: numbers are plain decimals, a factor is never guessed. What the factors mean for us stands in
`readings.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from schemas import Rejected
from schemas.hj212 import BEFORE, CRC_DIGITS, LONGEST_SEGMENT, Damaged, Upload, modbus_crc16
from schemas.rejection import shown

DEVICE_TIME = timezone(timedelta(hours=8))  # the standard names no zone
EDITIONS = {0: "2005", 1: "2017", 2: "2025"}
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_PASSWORD = re.compile("PW=[^;,&]*")
_OPENS, _CLOSES = "CP=&&", "&&"
# What may stand in a field that an answer repeats, or that says who speaks.
_FIELDS = {
    "CN": (re.compile("[0-9]{4}"), "four digits"),
    "MN": (re.compile("[!-~]{1,64}"), "1 to 64 printable ASCII characters"),
    "QN": (re.compile("[0-9A-Za-z]{0,32}"), "17 digits: the time of the request"),
    "PW": (re.compile("[!-~]{0,32}"), "at most 32 printable ASCII characters"),
}

# Commands that ask, order or answer, and are never data of ours. Told by number alone.
INTERACTION = frozenset({"9011", "9012", "9013", "9014"})
NOTICES = frozenset({"1013", "9015"})  # please set my clock; a heartbeat


@dataclass(slots=True)
class Item:
    """One factor of a packet. fields: as text, by name behind the hyphen; without the flag."""

    code: str
    fields: dict[str, str] = field(default_factory=dict)
    flag: str | None = None
    conflicts: bool = False  # the same field came twice with different contents; the first stands

    def number(self, name: str) -> float | None:
        """A field's value. Raises Rejected for text that is no plain number; None where empty."""
        text = self.fields.get(name, "")
        if not text:
            return None
        if not NUMBER.fullmatch(text):
            raise refused("hj212_not_a_number", f"{self.code}-{name}", text, "a plain decimal")
        return float(text)


@dataclass(slots=True)
class Packet:
    """What one segment says. data_time: UTC. params: fields of the data area that are no items."""

    mn: str
    cn: str
    st: str = ""
    qn: str | None = None
    pw: str = ""
    flag: int | None = None
    pnum: int | None = None
    pno: int | None = None
    data_time: datetime | None = None
    params: dict[str, str] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def edition(self) -> str:
        return EDITIONS.get((self.flag or 0) >> 2, "unknown")

    @property
    def wants_answer(self) -> bool:
        return bool((self.flag or 0) & 1) and self.qn is not None

    @property
    def is_upload(self) -> bool:
        """Whether it brings something, rather than asks or answers: its content decides."""
        if self.cn in INTERACTION | NOTICES:
            return False
        return bool(self.items) or "DataTime" in self.params

    @classmethod
    def parse(cls, segment: bytes) -> Packet:
        """Read a segment whose CRC is right. Raises Rejected with a code of the error table."""
        text, remarks = _text(segment)
        head, area = _halves(text)
        header = _header(head, remarks)
        packet = cls(
            mn=_needed(header, "MN"),
            cn=_needed(header, "CN"),
            st=header.get("ST", ""),
            qn=_checked(header, "QN") or None,
            pw=_checked(header, "PW"),
            flag=_flag(header),
            remarks=remarks,
        )
        packet.pnum, packet.pno = _numbers(header, packet.flag, remarks)
        packet._read_area(area)
        if packet.is_upload and packet.cn.startswith("2"):
            packet.data_time = _data_time(packet.params, remarks)
        return packet

    def _read_area(self, area: str) -> None:
        for part in re.split("[;,]", area):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals:
                if name:
                    self.remarks.append(f"no_equals:{shown(name)}")
                continue
            code, hyphen, which = name.partition("-")
            if not hyphen:
                self.params.setdefault(name, value)
                continue
            item = self.items.setdefault(code, Item(code))
            if which == "Flag":
                item.flag = value if item.flag is None else item.flag
            elif item.fields.setdefault(which, value) != value:
                item.conflicts = True


def refused(code: str, where: str, value: object, rule: str, remedy: str = "") -> Rejected:
    """A refusal as it may be shown: what stands for a password is masked, for it may be the one."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        value = _PASSWORD.sub("PW=***", value)
    remedy = remedy or "mend the data logger's program; see docs/hj212.md"
    return Rejected(code, field=where, value=value, rule=rule, remedy=remedy)


def refuse_damaged(damaged: Damaged) -> Rejected:
    """Why a frame that could not be read is refused, with a hint where we can give one."""
    raw, seen, behind = damaged.raw, damaged.raw[:80], BEFORE + (damaged.declared or 0)
    segment = raw[BEFORE:behind]
    match damaged.code:
        case "bad_length_field":
            return refused("hj212_bad_length_field", "length", seen, "four digits after ##")
        case "segment_too_long":
            return refused(
                "hj212_segment_too_long",
                "length",
                damaged.declared,
                f"at most {LONGEST_SEGMENT} octets",
                "send it in several packets (Flag bit 1, PNUM, PNO)",
            )
        case "empty_segment":
            return refused("hj212_empty_segment", "length", seen, "a segment of 1 octet or more")
        case "length_mismatch":
            rule = f"the CRC stands behind the {damaged.declared} octets that the length declares"
            return refused("hj212_length_mismatch", "length", seen, rule)
        case "truncated":
            rule = "the whole frame in time, and before the connection ends"
            return refused("hj212_truncated", "frame", seen, rule, "check the line, then resend")
    if re.search(rb";Flag=(8|9|10|11);", segment) and re.search(rb"[^\x20-\x7e]", segment):
        return refused(
            "hj212_encrypted",
            "CP",
            segment[:80],
            "content in plain text: SM4 of HJ 212-2025 is not supported",
            "switch encryption off at the logger and use a private line or VPN",
        )
    given, hint = raw[behind : behind + CRC_DIGITS].decode("latin-1"), ""
    if given.upper() == f"{modbus_crc16(segment):04X}":
        hint = "this is the Modbus CRC: set the logger to the CRC of HJ 212, appendix A"
    return refused("hj212_bad_crc", "CRC", given, "CRC16 of HJ 212, appendix A", hint)


def _text(segment: bytes) -> tuple[str, list[str]]:
    for encoding, remarks in (("ascii", []), ("utf-8", []), ("gb18030", ["gb18030_decoded"])):
        try:
            return segment.decode(encoding), list(remarks)
        except UnicodeDecodeError:
            continue
    raise refused("hj212_bad_encoding", "segment", segment[:80], "ASCII, UTF-8 or GB 18030")


def _halves(text: str) -> tuple[str, str]:
    """Header and data area, without the marks around it."""
    at = 0 if text.startswith(_OPENS) else text.find(f";{_OPENS}") + 1
    if not text.startswith(_OPENS, at):
        raise refused("hj212_missing_cp", "CP", text, "CP=&&…&& at the end of the segment")
    if not text.endswith(_CLOSES) or len(text) < at + len(_OPENS) + len(_CLOSES):
        raise refused("hj212_cp_unterminated", "CP", text[-80:], "the segment ends with &&")
    return text[:at], text[at + len(_OPENS) : -len(_CLOSES)]


def _header(head: str, remarks: list[str]) -> dict[str, str]:
    if "," in head:
        remarks.append("header_comma")
    found: dict[str, str] = {}
    for part in re.split("[;,]", head):
        name, equals, value = part.strip().partition("=")
        if not name and not equals:
            continue
        if not equals:
            raise refused("hj212_bad_header", "header", part, "name=value, parted by ;")
        found.setdefault("Flag" if name == "FLAG" else name, value.strip())
    return found


def _needed(header: dict[str, str], name: str) -> str:
    if not header.get(name):
        raise refused("hj212_missing_field", name, "(absent)", f"{name} is required")
    return _checked(header, name)


def _checked(header: dict[str, str], name: str) -> str:
    value = header.get(name, "")
    allowed, rule = _FIELDS[name]
    if not allowed.fullmatch(value):
        raise refused("hj212_bad_header", name, value if name != "PW" else "(hidden)", rule)
    return value


def _flag(header: dict[str, str]) -> int | None:
    text = header.get("Flag")
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,3}", text) or int(text) > 255:
        raise refused("hj212_bad_flag", "Flag", text, "a number from 0 to 255")
    return int(text)


def _numbers(
    header: dict[str, str], flag: int | None, remarks: list[str]
) -> tuple[int | None, int | None]:
    parted = bool((flag or 0) & 2)
    texts = [header.get("PNUM", ""), header.get("PNO", "")]
    if not parted and not any(texts):
        return None, None
    if not all(texts):
        raise refused("hj212_packet_fields_missing", "PNUM, PNO", texts, "both, where Flag bit 1")
    if not all(re.fullmatch("[0-9]{1,4}", text) for text in texts) or not (
        1 <= int(texts[1]) <= int(texts[0])
    ):
        raise refused("hj212_bad_packet_number", "PNO", texts[1], f"from 1 to PNUM = {texts[0]}")
    if not parted:
        remarks.append("packet_fields_without_flag")
    return int(texts[0]), int(texts[1])


def _data_time(params: dict[str, str], remarks: list[str]) -> datetime:
    text = params.get("DataTime", "")
    if not text:
        raise refused("hj212_missing_datatime", "DataTime", "(absent)", "uploads say their time")
    if re.fullmatch("[0-9]{17}", text):
        remarks.append("datatime_ms")
        text = text[:14]
    if re.fullmatch("[0-9]{14}", text):
        try:
            found = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=DEVICE_TIME)
            return found.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise refused("hj212_bad_datatime", "DataTime", text, "YYYYMMDDhhmmss, a real date, UTC+8")


def upload_of(cn: str) -> Upload | None:
    return next((upload for upload in Upload if upload == cn), None)
