"""What it means when the registry's database does not answer as it should, and what to do."""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError, OperationalError, TimeoutError

# PostgreSQL, appendix "Error Codes": undefined table and column, insufficient privilege.
UNDEFINED, NOT_ALLOWED = ("42P01", "42703"), "42501"
# SQLite gives no codes for these.
UNDEFINED_WORDS, NOT_ALLOWED_WORDS = ("no such table", "no such column"), "readonly database"
MOST_WORDS = 300


def explain(error: Exception) -> str | None:
    """One line for whoever runs this; None for an error that is not the database's.

    What a database says may name tables and users, never a password.
    """
    if isinstance(error, TimeoutError):
        return "the registry is too busy: no connection became free"
    if not isinstance(error, DatabaseError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    words = " ".join(str(error.orig).split())[:MOST_WORDS]
    if state in UNDEFINED or any(known in words for known in UNDEFINED_WORDS):
        return f"the registry is not of this version ({words}): run `onenet registry migrate`"
    if state == NOT_ALLOWED or NOT_ALLOWED_WORDS in words:
        return (
            f"the registry refuses its user this ({words}): each service has a user of its own, "
            "see docs/deployment.md"
        )
    if isinstance(error, OperationalError) or type(error) is DatabaseError:
        return (
            f"the registry is not there ({words}): see that its server runs and that "
            "ONENET_REGISTRY_URL is right"
        )
    return None
