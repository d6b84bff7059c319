"""The life of an alert: which move leads where. A table, not a forest of ifs."""

from __future__ import annotations

from schemas.alerts import AlertState

MOVES: dict[tuple[AlertState | None, str], AlertState] = {
    (None, "opened"): AlertState.OPEN,
    (AlertState.OPEN, "updated"): AlertState.OPEN,
    (AlertState.OPEN, "closed"): AlertState.CLOSED,
}


def moved(state: AlertState | None, move: str) -> AlertState:
    """The state after a move. Raises ValueError that says which moves are allowed."""
    after = MOVES.get((state, move))
    if after is None:
        allowed = ", ".join(name for (before, name) in MOVES if before == state) or "none"
        raise ValueError(f"an alert that is {state} cannot be {move}; possible: {allowed}")
    return after
