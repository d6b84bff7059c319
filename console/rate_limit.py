"""How much one may ask of the programs' side: open data, SensorThings, the API.

Token buckets, one a client address (of IPv6 one a /64 network, which is what a client is given) or,
for who has logged in or sent an API token, one a person, with a larger allowance. Pages are not
counted, and logging in has limits of its own (`registry/logins.py`). Kept in this process.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from fastapi import HTTPException, Request

from console.access import Rates
from console.security import address_of, visitor_of
from schemas import Clock

COUNTED = re.compile(r"/(api|sensorthings)(/|$)|.*\.csv$")
DOWNLOAD = re.compile(r"/api/open-data/(aggregates|observations)\.\w+$")
BUCKETS_AT_MOST = 100_000
ROUNDING = 1e-4  # of tokens and seconds: moments are counted from 1970


class TooMany(Exception):
    """Asked too much; wait so many whole seconds."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many requests; try again in {wait_s} s")
        self.wait_s = wait_s


class Buckets:
    """Token buckets by name; those not asked for longest are forgotten, as they are full again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, since when
        self._guard = Lock()

    def take(self, name: str, per_min: int, cost: int) -> None:
        """Take tokens out of a bucket of `per_min`. Raises TooMany, and then takes none.

        What costs more than a bucket holds is given for all of it, or nobody could ever have it.
        """
        now, cost = self._clock.now().timestamp(), min(cost, per_min)
        with self._guard:
            tokens, since = self._kept.pop(name, (float(per_min), now))
            tokens = min(per_min, tokens + max(0.0, now - since) * per_min / 60)
            enough = tokens >= cost - ROUNDING
            self._kept[name] = (tokens - cost if enough else tokens, now)
            if len(self._kept) > BUCKETS_AT_MOST:
                self._kept.popitem(last=False)
        if not enough:
            raise TooMany(math.ceil((cost - tokens) * 60 / per_min - ROUNDING))


def keep_rate(rates: Rates, buckets: Buckets) -> Callable[[Request], None]:
    """A dependency of every route: nobody asks more than is allowed."""

    def kept(request: Request) -> None:
        path = request.url.path
        if not COUNTED.match(path):
            return
        cost = rates.download if DOWNLOAD.match(path) else 1
        try:
            visitor = visitor_of(request)
        except HTTPException:  # a token that opens nothing: guessing is counted, too
            visitor = None
        if visitor is not None and visitor.known:
            name, per_min = f"person {visitor.person.id}", rates.known
        else:
            name, per_min = network_of(address_of(request)), rates.public
        if per_min:
            buckets.take(name, per_min, cost)

    return kept


def network_of(address: str) -> str:
    """What one client is taken to have: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
