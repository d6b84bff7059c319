"""Sensors' accounts where EMQX is the broker: it keeps none, but asks our gate at each connection.

So the registry is the list, and there is no second half that could be left behind. What remains is
to cut the connections of those who were let in before: by EMQX's REST API, of any node for all.
"""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from registry.accounts import BrokerUnavailable, NewAccount

KEY = "onenet"  # the API key that deploy/emqx/install.sh makes
AT_ONCE = 500
PATIENCE_S = 10.0


class Emqx:
    """url: of the REST API, without /api/v5. secret: of the API key `onenet`."""

    def __init__(
        self, url: str, secret: str, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._transport = transport

    def admit(self, accounts: Iterable[NewAccount]) -> None:
        """Nothing: the gate knows them as soon as the registry does."""

    def resume(self, usernames: Iterable[str]) -> None:
        """Nothing, likewise."""

    def remove(self, usernames: Iterable[str]) -> None:
        self._cut(list(usernames))

    def suspend(self, usernames: Iterable[str]) -> None:
        self._cut(list(usernames))

    def listed(self) -> None:
        return None

    def _cut(self, names: list[str]) -> None:
        """A device's client id is its name (`deploy/emqx/emqx.conf`). Strangers are no error."""
        if not names:
            return
        try:
            with httpx.Client(
                auth=(KEY, self._secret), timeout=PATIENCE_S, transport=self._transport
            ) as client:
                for start in range(0, len(names), AT_ONCE):
                    where = f"{self._url}/api/v5/clients/kickout/bulk"
                    client.post(where, json=names[start : start + AT_ONCE]).raise_for_status()
        except httpx.HTTPError as error:
            raise BrokerUnavailable(f"broker's REST API {self._url}: {error}") from error
