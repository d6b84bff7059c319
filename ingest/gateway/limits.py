"""How much anybody may ask of the gateway, and who has asked for too much. No I/O here."""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

GUESSES, GUESS_SPAN_S = 10, 300.0
REMEMBERED = 10_000  # pairs of peer and MN; the oldest is forgotten first


@dataclass(frozen=True, slots=True)
class Limits:
    """connections: in all, and of one address. first_s: until a logger has shown who it is.

    idle_s: without an octet. frame_s: from the first octet of a frame to its last. frames_per_s:
    of one logger, after a burst, however often it connects: what comes faster waits. Both are less
    than what ingest takes for a flood. strikes: refused frames in a row, and
    garbage: octets outside of frames, before the connection is closed. answer_s: what a refused
    frame takes at least, whatever the reason, so that time tells nothing.
    """

    connections: int = 2000
    connections_per_peer: int = 64
    networks: tuple[Network, ...] = ()
    first_s: float = 120.0
    idle_s: float = 7200.0
    frame_s: float = 30.0
    frames_per_s: float = 1.0
    burst: int = 900
    strikes: int = 5
    garbage: int = 4096
    answer_s: float = 1.0
    letters_per_min: int = 120  # refused frames that are kept and logged one by one


def networks(text: str) -> tuple[Network, ...]:
    """Networks parted by commas. Raises ValueError for one that is none."""
    return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip())


class Peers:
    """Connections by address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: Counter[str] = Counter()

    def enter(self, address: str) -> str | None:
        """Let a connection in; or why not, as a word for log and metrics."""
        limits = self._limits
        if limits.networks and not any(_within(address, one) for one in limits.networks):
            return "network"
        if self._open.total() >= limits.connections:
            return "full"
        if self._open[address] >= limits.connections_per_peer:
            return "peer"
        self._open[address] += 1
        return None

    def leave(self, address: str) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


def _within(address: str, network: Network) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # it has left before we could ask who it was
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found) in network


class Pace:
    """A bucket of tokens: `wait()` is how long the next frame has to stand back, in seconds."""

    def __init__(self, per_s: float, burst: int, now: Callable[[], float]) -> None:
        self._per_s, self._burst, self._now = per_s, burst, now
        self._tokens, self._at = float(burst), now()

    def wait(self) -> float:
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._per_s)

    def spare(self) -> bool:
        """Take a token if there is one; never goes into debt."""
        if self.wait() > 0:
            self._tokens += 1
            return False
        return True


class Guesses:
    """Wrong passwords by peer and MN, so that six characters cannot be tried out."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._wrong: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def too_many(self, peer: str, mn: str) -> bool:
        times = self._wrong.get((peer, mn))
        while times and times[0] < self._now() - GUESS_SPAN_S:
            times.popleft()
        return times is not None and len(times) >= GUESSES

    def wrong(self, peer: str, mn: str) -> None:
        times = self._wrong.setdefault((peer, mn), deque(maxlen=GUESSES))
        times.append(self._now())
        self._wrong.move_to_end((peer, mn))
        if len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)
