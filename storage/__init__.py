"""The time-series store: one port, two adapters, chosen by URL."""

from storage.buckets import prepare
from storage.open import open_store
from storage.port import PendingHour, Store, StoreUnavailable
from storage.tokens import GRANTS, give_tokens

__all__ = [
    "GRANTS",
    "PendingHour",
    "Store",
    "StoreUnavailable",
    "give_tokens",
    "open_store",
    "prepare",
]
