"""People of the demo, one for each kind of work; passwords made by chance and kept for reruns."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from registry import Registry, new_passwords, passwords, people
from schemas.people import Person, Role

PEOPLE = {
    "administrator": ("管理员", (Role.ADMINISTRATOR, Role.AUDITOR)),
    "officer": ("执法值班员", (Role.ENFORCEMENT, Role.OPERATOR)),
    "technician": ("技术员", (Role.TECHNICIAN,)),
}
WHO = "system:demo"


def variable(login: str) -> str:
    """The name of the line of demo.env that holds a password."""
    return f"ONENET_DEMO_{login.upper()}_PASSWORD"


def settle(registry: Registry, known: dict[str, str], *, at: datetime) -> dict[str, str]:
    """Login names and their passwords. known: what demo.env says, kept where it still opens."""
    found = {}
    for login, (name, roles) in PEOPLE.items():
        password = known.get(variable(login), "")
        if people.find(registry, login) is None:
            password = passwords.generate()
            person = Person(id=login, name=name, roles=roles, scopes=("city",))
            people.add(registry, person, at=at, who=WHO, password=password)
        elif not new_passwords.is_present(registry, login, password):
            password = new_passwords.reset(registry, login, at=at, who=WHO, must_change=False)
        found[login] = password
    return found


def secret_key(home: Path) -> str:
    """The installation's key, made at the first run; second factors are encrypted with it."""
    path = home / "secret.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n", "ascii")
    return path.read_text("ascii").strip()
