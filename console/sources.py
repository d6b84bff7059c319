"""What every page looks at: store, registry, clock, and the board kept for a moment."""

from __future__ import annotations

import time
from datetime import datetime

from network.views import CityBoard, SoilView, city_board, soil_view
from registry import Registry
from schemas import Clock
from storage import Store

BOARD_KEPT_S = 1.0
SOIL_KEPT_S = 60.0  # some thousand plots take a second to judge, and samples come once in a while


class Sources:
    """Store, registry and clock, and the board kept for a moment so that many may look at it."""

    def __init__(self, store: Store, registry: Registry, clock: Clock) -> None:
        self.store = store
        self.registry = registry
        self.clock = clock
        self._board: CityBoard | None = None
        self._made = 0.0
        self._soil: SoilView | None = None
        self._soil_made = 0.0

    def board(self) -> CityBoard:
        if self._board is None or time.monotonic() - self._made > BOARD_KEPT_S:
            now = self.clock.now()
            self._board = city_board(
                store=self.store, registry=self.registry, now=now, soil=self._soil_at(now)
            )
            self._made = time.monotonic()
        return self._board

    def _soil_at(self, now: datetime) -> SoilView:
        if self._soil is None or time.monotonic() - self._soil_made > SOIL_KEPT_S:
            self._soil = soil_view(registry=self.registry, now=now)
            self._soil_made = time.monotonic()
        return self._soil
