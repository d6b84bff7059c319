"""What is answered instead of data: one exception, told as the standard's JSON of an error."""

from __future__ import annotations

from typing import Any

READ_ONLY = (
    "this service is read only: sensors are entered through the registry, observations come"
    " over MQTT; GET and HEAD are allowed"
)


class Refusal(Exception):
    """A request that is not answered with data. status: of HTTP; the text names the remedy."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad(message: str) -> Refusal:
    """The request is wrong as it stands."""
    return Refusal(400, message)


def missing(message: str) -> Refusal:
    """What the address names is not there."""
    return Refusal(404, message)


def not_offered(message: str) -> Refusal:
    """Part of the standard, but not of this service."""
    return Refusal(501, message)


def told(status: int, message: str) -> dict[str, Any]:
    """The body of an error."""
    return {"code": status, "type": "error", "message": message}
