"""Boards, alert rules and whom to tell into a running Grafana. Doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException

from dashboards.city import City
from dashboards.grafana_api import connect, explained
from dashboards.notify import Addresses
from dashboards.standing import Change, changes


@dataclass(frozen=True, slots=True)
class Pushed:
    """A thing that was looked at. done: it was written; else it stood so, or is left alone."""

    change: Change
    done: bool

    @property
    def left_alone(self) -> bool:
        return self.change.state == "by hand" and not self.done


def push(
    url: str, token: str, city: City, to: Addresses | None = None, *, force: bool = False
) -> list[Pushed]:
    """Make everything of ours stand in Grafana as it should.

    What somebody changed by hand is left alone, unless forced; so are secrets that Grafana does not
    show. Raises ConnectionError when no Grafana answers, and ValueError when it refuses: in each
    case the message says what to do.
    """
    with _talking(url, token) as grafana:
        # Looked at one by one: a board can only be saved once its folder is there.
        return [_made(change, force) for change in changes(grafana, city, to)]


def diff(url: str, token: str, city: City, to: Addresses | None = None) -> list[Change]:
    """What a push would change; writes nothing. Raises as `push` does."""
    with _talking(url, token) as grafana:
        return [one for one in changes(grafana, city, to) if one.state != "same"]


def _made(change: Change, force: bool) -> Pushed:
    needed = change.state in ("new", "changed") or (
        force and (change.state == "by hand" or change.hidden)
    )
    if needed:
        change.deed(force)
    return Pushed(change, needed)


@contextmanager
def _talking(url: str, token: str) -> Iterator[GrafanaApi]:
    grafana = connect(url, token)
    try:
        yield grafana
    except GrafanaException as refused:
        raise explained(refused, url) from refused
    except OSError as lost:
        raise ConnectionError(f"lost Grafana at {url}: {lost}; run the command again") from lost
