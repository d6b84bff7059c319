"""The life of an alert: which move leads where. A table, not a forest of ifs."""

from __future__ import annotations

from schemas.alerts import AlertState as State

# Moves of people. What each needs is in `alerts.moves`.
PEOPLES: dict[tuple[State | None, str], State] = {
    (State.OPEN, "acknowledge"): State.ACKNOWLEDGED,
    (State.OPEN, "dispatch"): State.DISPATCHED,
    (State.ACKNOWLEDGED, "dispatch"): State.DISPATCHED,
    (State.DISPATCHED, "dispatch"): State.DISPATCHED,  # to somebody else
    (State.DISPATCHED, "arrive"): State.ON_SITE,
    (State.ACKNOWLEDGED, "close"): State.CLOSED,
    (State.DISPATCHED, "close"): State.CLOSED,
    (State.ON_SITE, "close"): State.CLOSED,
    (State.CLOSED, "reopen"): State.OPEN,
    **{
        (state, move): state
        for state in (State.OPEN, State.ACKNOWLEDGED, State.DISPATCHED, State.ON_SITE)
        for move in ("snooze", "hand_over", "note", "photo")
    },
    **{
        (state, "merge"): State.CLOSED
        for state in (State.OPEN, State.ACKNOWLEDGED, State.DISPATCHED, State.ON_SITE)
    },
}

# Moves of the evaluator and of the clock.
EVALUATORS: dict[tuple[State | None, str], State] = {
    (None, "suspect"): State.PENDING,
    (None, "open"): State.OPEN,
    (State.PENDING, "open"): State.OPEN,
    (State.PENDING, "lapse"): State.CLOSED,
    (State.OPEN, "recover_and_close"): State.CLOSED,
    (State.ACKNOWLEDGED, "recover_and_close"): State.CLOSED,
    (State.OPEN, "escalate"): State.OPEN,
    (State.ACKNOWLEDGED, "escalate"): State.ACKNOWLEDGED,
    (State.DISPATCHED, "escalate"): State.DISPATCHED,
    **{(state, "withdraw"): State.CLOSED for state in State if state is not State.CLOSED},
    **{(state, move): state for state in State for move in ("recover", "resume", "revise")},
    **{(state, "graver"): state for state in State if state is not State.CLOSED},
    (State.CLOSED, "reappear"): State.OPEN,  # of an alert that had been withdrawn, or had lapsed
}

MOVES: dict[tuple[State | None, str], State] = PEOPLES | EVALUATORS


class IllegalMove(ValueError):
    """The move is not possible now; the text says which are."""


def moved(state: State | None, move: str) -> State:
    """The state after a move. Raises IllegalMove that says which moves are possible."""
    after = MOVES.get((state, move))
    if after is None:
        possible = ", ".join(possible_moves(state)) or "none"
        now = "not there yet" if state is None else state
        raise IllegalMove(f"an alert that is {now} cannot {move}; possible now: {possible}")
    return after


def possible_moves(state: State | None) -> list[str]:
    """What people can do with an alert in a state."""
    return [move for (before, move) in PEOPLES if before == state]
