"""What a data logger is told, and by which rule: HJ 212-2017 section 6, the same in all editions.

An answer repeats what the logger itself has sent, its password too, and nothing else: who is not
admitted gets none.
"""

from __future__ import annotations

from enum import StrEnum

from ingest.hj212.packet import NOTICES, Packet
from schemas.hj212 import framed

_WITH_CONTENT = frozenset({"3015", "3019", "3020"})  # uploads outside the group of data
_EDITION_BITS = 0b1111_1100


class Answer(StrEnum):
    NOTICE = "9013"
    DATA = "9014"


def answer_to(packet: Packet) -> bytes | None:
    """The frame that a packet is owed once it is safe, or None. Repeats are answered again."""
    if not packet.wants_answer:
        return None
    if packet.cn in NOTICES:
        return _frame(packet, Answer.NOTICE)
    if packet.is_upload and (packet.cn.startswith("2") or packet.cn in _WITH_CONTENT):
        return _frame(packet, Answer.DATA)
    return None


def _frame(packet: Packet, answer: Answer) -> bytes:
    flag = (packet.flag or 0) & _EDITION_BITS
    segment = f"QN={packet.qn};ST=91;CN={answer};PW={packet.pw};MN={packet.mn};Flag={flag};CP=&&&&"
    return framed(segment.encode())
