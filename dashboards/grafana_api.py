"""A connection to a running Grafana, and what its refusals mean for whoever runs the command."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

TIMEOUT_S = 30.0
_NEEDED = re.compile(r"Permissions? needed: (.+)", re.S)


def connect(url: str, token: str) -> GrafanaApi:
    """A client of a server that says it is a Grafana; raises ValueError or ConnectionError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a Grafana; write e.g. http://localhost:3000")
    if not token:
        raise ValueError("no token; make one for a service account (role Editor) in Grafana")
    # The client glues `api` to the path as it is.
    grafana = GrafanaApi.from_url(url.rstrip("/") + "/", credential=token, timeout=TIMEOUT_S)
    not_grafana = ValueError(f"{url} answers, but not as a Grafana; check address and path")
    try:
        health = grafana.client.GET("/health")
    except GrafanaException as refused:
        if refused.status_code >= 500 or refused.status_code == 0:
            raise explained(refused, url) from refused
        raise not_grafana from refused
    except ValueError as not_json:
        raise not_grafana from not_json
    except OSError as unreachable:
        raise ConnectionError(
            f"no Grafana answers at {url}: is it running, and reachable from here?"
        ) from unreachable
    if not isinstance(health, dict) or "database" not in health:
        raise not_grafana
    return grafana


def found(ask: Callable[[], Any]) -> Any:
    """The answer, or None for what is not there."""
    try:
        return ask()
    except GrafanaClientError as refused:
        if refused.status_code == 404:
            return None
        raise


def explained(refused: GrafanaException, url: str) -> ValueError | ConnectionError:
    """What a refusal means, and what to do."""
    said = words(refused)
    match refused.status_code:
        case 401:
            return ValueError(
                f"Grafana at {url} does not know this token; make one for a service account"
            )
        case 403:
            needed = _NEEDED.search(said)
            lacks = f"lacks the permission {needed[1].strip()}" if needed else f"may not: {said}"
            return ValueError(
                f"the token for Grafana at {url} {lacks}; give its service account the role Editor"
            )
        case 400 if "provisioned" in said:
            return from_files("the boards")
        case 409 if "provenance" in said:
            return from_files("the alert rules")
        case 412:
            return ValueError(
                f"somebody changed Grafana at {url} at the same moment ({said}); run the command "
                "again"
            )
        case 0 | 500 | 502 | 503 | 504:
            return ConnectionError(f"Grafana at {url} does not answer now: {said}; try again later")
        case status:
            return ValueError(f"Grafana at {url} refuses ({status}): {said}")


def from_files(what: str) -> ValueError:
    return ValueError(
        f"{what} of this Grafana come from files: write those with `onenet dashboards export`, or "
        "remove them before pushing"
    )


def words(refused: GrafanaException) -> str:
    """What Grafana said: alerting says `msg` where the rest says `message`."""
    answer = refused.response
    said = answer.get("message") or answer.get("msg") if isinstance(answer, dict) else None
    return str(said or answer or refused.message)
