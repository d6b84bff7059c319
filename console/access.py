"""Settings of who gets in, as `create_app` is given them; nothing here reads the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from registry.logins import Limits
from registry.sessions import Lifetimes
from schemas.people import SCOPE_PATTERN, Role

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Oidc:
    """Single sign-on by OpenID Connect.

    claim: of the identity token, a text or a list of texts. roles: value of the claim → roles and
    scopes, as `parse_roles` reads them.
    """

    issuer: str
    client_id: str
    client_secret: str
    claim: str = "roles"
    roles: dict[str, tuple[tuple[Role, ...], tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests a minute, which is also how many may come at once; 0 = as many as one likes.

    public: of an address. known: of a person. download: as how many requests a large file counts.
    """

    public: int = 0
    known: int = 0
    download: int = 15


@dataclass(frozen=True, slots=True)
class Access:
    """public_board: whether anybody sees the city. url: the console as a browser reaches it; https
    makes cookies secure. hosts: names that it answers to, `*` for any."""

    public_board: bool = True
    url: str = ""
    hosts: tuple[str, ...] = ("*",)
    secret_key: str = ""
    body_limit: int = 20 * MIB
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    limits: Limits = field(default_factory=Limits)
    rates: Rates = field(default_factory=Rates)
    oidc: Oidc | None = None

    @property
    def tls(self) -> bool:
        return self.url.startswith("https://")


def hosts_of(url: str, more: str) -> tuple[str, ...]:
    """Names that a console answers to: this machine, its own address, and those of a setting."""
    own = urlsplit(url).hostname
    named = (part.strip().lower() for part in more.split(","))
    return tuple(dict.fromkeys(filter(None, (*LOOPBACK, own, *named))))


def parse_roles(text: str) -> dict[str, tuple[tuple[Role, ...], tuple[str, ...]]]:
    """`env-officers=enforcement@city; futian-ops=operator+technician@district:futian`.

    Raises ValueError naming the entry.
    """
    found = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        value, _, rights = entry.partition("=")
        roles, _, scopes = rights.partition("@")
        try:
            given = tuple(Role(role.strip()) for role in roles.split("+"))
        except ValueError:
            given = ()
        places = tuple(scope.strip() for scope in scopes.split("+"))
        if not value or not given or not all(re.fullmatch(SCOPE_PATTERN, s) for s in places):
            raise ValueError(
                f"ONENET_OIDC_ROLES: {entry!r}: claim value=role+role@scope+scope, entries parted "
                f"by ; roles of {', '.join(Role)}"
            )
        found[value.strip()] = (given, places)
    return found
