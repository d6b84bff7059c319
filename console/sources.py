"""What every page looks at: store, registry, clock, and the board kept for a moment."""

from __future__ import annotations

import time

from network.views import CityBoard, city_board
from registry import Registry
from schemas import Clock
from storage import Store

BOARD_KEPT_S = 1.0


class Sources:
    """Store, registry and clock, and the board kept for a moment so that many may look at it."""

    def __init__(self, store: Store, registry: Registry, clock: Clock) -> None:
        self.store = store
        self.registry = registry
        self.clock = clock
        self._board: CityBoard | None = None
        self._made = 0.0

    def board(self) -> CityBoard:
        if self._board is None or time.monotonic() - self._made > BOARD_KEPT_S:
            self._board = city_board(store=self.store, registry=self.registry, now=self.clock.now())
            self._made = time.monotonic()
        return self._board
