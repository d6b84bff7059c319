"""HJ 212: what a segment says, what of it becomes readings, and which answer it is owed."""

from ingest.hj212.answers import Answer, answer_to
from ingest.hj212.packet import Item, Packet, refuse_damaged
from ingest.hj212.readings import Expected, decode_hj212

__all__ = [
    "Answer",
    "Expected",
    "Item",
    "Packet",
    "answer_to",
    "decode_hj212",
    "refuse_damaged",
]
