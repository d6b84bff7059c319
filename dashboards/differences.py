"""What differs between what stands in Grafana and what should: paths into the JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NOTHING: tuple[Any, ...] = (None, "", [], {}, 0, False, "0s")


def differences(there: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Paths at which two values differ, each once, at the deepest place that both have."""
    if isinstance(there, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*there, *wanted}):
            inner = f"{path}.{key}" if path else str(key)
            if key in there and key in wanted:
                yield from differences(there[key], wanted[key], inner)
            else:
                yield inner
    elif _several(there) and _several(wanted):
        for at, (one, other) in enumerate(zip(there, wanted, strict=False)):
            yield from differences(one, other, f"{path}[{at}]")
        if len(there) != len(wanted):
            yield f"{path}[{min(len(there), len(wanted))}…]"
    elif there != wanted:
        yield path


def without_additions(there: Any, wanted: Any) -> Any:
    """What stands there, less what Grafana adds by itself: members that we do not give and that
    say nothing."""
    if isinstance(there, Mapping) and isinstance(wanted, Mapping):
        return {
            key: without_additions(value, wanted.get(key))
            for key, value in there.items()
            if key in wanted or value not in NOTHING
        }
    if _several(there) and _several(wanted) and len(there) == len(wanted):
        return [without_additions(*pair) for pair in zip(there, wanted, strict=True)]
    return there


def _several(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
