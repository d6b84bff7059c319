"""Boards into a running Grafana over its HTTP API. Doing it again changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

from dashboards.boards import BOARDS, to_json
from dashboards.city import City
from dashboards.layout import FOLDER_TITLE, FOLDER_UID

TIMEOUT_S = 30.0
_OWN = ("id", "version")  # what Grafana itself writes into a board


@dataclass(frozen=True, slots=True)
class Pushed:
    """A board that now stands in Grafana; changed: it did not stand there like this before."""

    uid: str
    changed: bool


def push(url: str, token: str, city: City | None = None) -> list[Pushed]:
    """Create or update folder and boards, of the demo city unless told otherwise.

    Raises ConnectionError when no Grafana answers, and ValueError when it refuses: in each case
    the message says what to do.
    """
    of = city or City.demo()
    grafana = _connect(url, token)
    try:
        _ensure_folder(grafana)
        return [
            _ensure_board(grafana, uid, json.loads(to_json(make(of))))
            for uid, make in BOARDS.items()
        ]
    except GrafanaException as refused:
        raise _explained(refused, url) from refused
    except OSError as lost:
        raise ConnectionError(f"lost Grafana at {url}: {lost}; run the command again") from lost


def _connect(url: str, token: str) -> GrafanaApi:
    """A client of a server that says it is a Grafana."""
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
            raise _explained(refused, url) from refused
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


def _ensure_folder(grafana: GrafanaApi) -> None:
    found = _get(lambda: grafana.folder.get_folder(FOLDER_UID))
    if found is None:
        grafana.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)
    elif found["title"] != FOLDER_TITLE:
        grafana.folder.update_folder(FOLDER_UID, title=FOLDER_TITLE, overwrite=True)


def _ensure_board(grafana: GrafanaApi, uid: str, board: dict[str, Any]) -> Pushed:
    found = _get(lambda: grafana.dashboard.get_dashboard(uid))
    if found is not None and found["meta"].get("folderUid") == FOLDER_UID:
        standing = {k: v for k, v in found["dashboard"].items() if k not in _OWN}
        if standing == board:
            return Pushed(uid, changed=False)
    grafana.dashboard.update_dashboard(
        {
            "dashboard": board,
            "folderUid": FOLDER_UID,
            "overwrite": True,
            "message": "onenet dashboards push",
        }
    )
    return Pushed(uid, changed=True)


def _get(ask: Any) -> Any:
    """The answer, or None for what is not there."""
    try:
        return ask()
    except GrafanaClientError as refused:
        if refused.status_code == 404:
            return None
        raise


def _explained(refused: GrafanaException, url: str) -> ValueError | ConnectionError:
    said = refused.response.get("message") if isinstance(refused.response, dict) else refused
    match refused.status_code:
        case 401:
            return ValueError(
                f"Grafana at {url} does not know this token; make one for a service account"
            )
        case 403:
            return ValueError(
                f"Grafana at {url} does not let this token write boards: give its service account "
                "the role Editor"
            )
        case 400 if "provisioned" in str(said):
            return ValueError(
                f"the boards of {url} come from files: write them with `onenet dashboards export`, "
                "or remove the files before pushing"
            )
        case 0 | 500 | 502 | 503 | 504:
            return ConnectionError(f"Grafana at {url} does not answer now: {said}; try again later")
        case status:
            return ValueError(f"Grafana at {url} refuses ({status}): {said}")
