"""The time-series store: one port, two adapters, chosen by URL."""

from storage.buckets import prepare
from storage.open import open_store
from storage.port import PendingHour, Store, StoreUnavailable

__all__ = ["PendingHour", "Store", "StoreUnavailable", "open_store", "prepare"]
