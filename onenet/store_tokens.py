"""Tokens of our services at InfluxDB, into the file of secrets that `onenet init` has made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from onenet.init import read_env, set_in_env
from storage import GRANTS, give_tokens

ADMIN = "INFLUX_ADMIN_TOKEN"


def variable(service: str) -> str:
    """Where a service's token stands in the file."""
    return f"INFLUX_{service.upper()}_TOKEN"


def admin_token(path: Path) -> str:
    """The administrator's token of an env file. Raises ValueError where it has none."""
    found = read_env(path.read_text("utf-8")).get(ADMIN, "")
    if not found:
        raise ValueError(f"{path}: {ADMIN}: there is none; run `onenet init`")
    return found


def tokens_into(path: Path, url: str) -> list[str]:
    """Give each service that needs one a token; returns what was done, in words, no secret in it.

    Whoever runs it again changes nothing. Raises StoreUnavailable, ValueError, OSError.
    """
    values = read_env(path.read_text("utf-8"))

    def keep(new: Mapping[str, str]) -> None:
        set_in_env(path, {variable(service): token for service, token in new.items()})

    renewed = give_tokens(
        url,
        token=admin_token(path),
        known={service: values.get(variable(service), "") for service in GRANTS},
        keep=keep,
    )
    path.chmod(0o600)
    return [f"{path}: {variable(service)} made" for service in renewed]
