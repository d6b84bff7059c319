"""Posting over HTTP, as webhook, robots and CAP do it; an answer that is no yes becomes an error.

No error tells the URL: a robot's has its key in it. A receiver within the own network must have
been named: a URL that was mistyped, or a name that suddenly resolves elsewhere, shall not reach the
services that trust whoever can connect to them. Looked at is the peer itself, after connecting and
before a byte is sent, so that no second look-up of the name can give another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpx

from alerts.letter import Refused, TooFast, Undeliverable

TIMEOUT_S = 5.0
# What a receiver says about the letter itself; any other refusal is about the channel.
OF_THE_LETTER = frozenset({400, 409, 410, 413, 415, 422})
TOO_MANY = 429


Network = IPv4Network | IPv6Network


def networks(setting: str) -> tuple[Network, ...]:
    """Networks or single addresses, parted by commas. Raises ValueError naming what is neither."""
    found = []
    for part in filter(None, (part.strip() for part in setting.split(","))):
        try:
            found.append(ip_network(part))
        except ValueError:
            raise ValueError(
                f"setting private_receivers (ONENET_PRIVATE_RECEIVERS): {part!r} is no network "
                "such as 10.1.0.0/16 and no address"
            ) from None
    return tuple(found)


class Poster:
    """Posts to one URL and keeps its connections; threads may share it.

    private: networks within which a receiver may be although they are not public.
    """

    def __init__(self, url: str, private: Sequence[Network] = ()) -> None:
        self._url = url
        self._private = tuple(private)
        self._client = httpx.Client(timeout=TIMEOUT_S)

    def post(
        self, body: bytes, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer, if it is a yes. Raises Undeliverable, Refused, TooFast."""
        url = httpx.URL(self._url)
        if params:
            url = url.copy_merge_params(params)
        try:
            answer = self._client.post(
                url, content=body, headers=headers, extensions={"trace": self._look_at}
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Undeliverable(_told(error)) from None  # its own text may hold the URL
        told = f"HTTP {answer.status_code}"
        if answer.status_code == TOO_MANY:
            raise TooFast(told)
        if answer.status_code in OF_THE_LETTER:
            raise Refused(told)
        if not answer.is_success:
            raise Undeliverable(told)
        return answer

    def _look_at(self, event: str, told: Mapping[str, Any]) -> None:
        """Of httpcore's events, the one that a connection stands."""
        if event != "connection.connect_tcp.complete":
            return
        stream = told["return_value"]
        peer = ip_address(stream.get_extra_info("server_addr")[0].partition("%")[0])
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped:
            peer = peer.ipv4_mapped
        if peer.is_global or any(peer in network for network in self._private):
            return
        stream.close()
        raise Undeliverable(f"{peer} is not public, and no network in ONENET_PRIVATE_RECEIVERS")


def _told(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return f"{type(error).__name__}: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
