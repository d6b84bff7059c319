"""Accounts, passwords, second factor, sessions, tokens; on a real database, with our own clock."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import (
    Registry,
    audit,
    logins,
    migrate,
    new_passwords,
    open_registry,
    passwords,
    people,
    second_factor,
    sessions,
    tokens,
    totp,
)
from registry.logins import Limits, LoginRefused
from registry.models import ApiTokenRow, LoginFailureRow, PersonRow, SessionRow
from registry.second_factor import Vault
from registry.sessions import Lifetimes
from schemas import FixedClock
from schemas.people import Person, Role, Unacceptable
from tests.console.visiting import HASHED, PASSWORD

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
VAULT = Vault("a key of thirty-two characters, or more")
HOME = "192.0.2.7"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    url = f"sqlite:///{tmp_path}/r.db"
    migrate(url)
    opened = open_registry(url)
    for person_id, role in (("boss", Role.ADMINISTRATOR), ("li.na", Role.OPERATOR)):
        person = Person(id=person_id, name=person_id, roles=(role,), scopes=("city",))
        people.add_hashed(opened, person, at=NOON, who="cli:test", hashed=HASHED, must_change=False)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


def attempt(
    registry: Registry, clock: FixedClock, name: str = "li.na", password: str = "wrong", **more: str
) -> people.Account:
    address = more.get("address", HOME)
    return logins.check_password(registry, name, password, address=address, at=clock.now())


def actions(registry: Registry) -> list[str]:
    return [entry.action for entry in audit.entries(registry)]


# Passwords


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_length"),
        ("x" * 129, "password_length"),
        ("password1234", "password_common"),
        ("Password2026!!", "password_common"),
        ("aaaaaaaaaaaaaa", "password_common"),
        ("121212121212", "password_common"),
        ("administrator", "password_common"),
        ("zhang.weiqiang1", "password_name"),
        ("ZhangWeiQiang2026", "password_name"),
    ],
)
def test_a_password_that_is_tried_first_is_refused(password: str, code: str) -> None:
    with pytest.raises(Unacceptable) as told:
        passwords.check_rules(password, names=("zhang.weiqiang", "ZhangWeiQiang"))
    assert told.value.code == code
    assert password not in str(told.value), "an error is logged, and a password must not be"


def test_a_generated_password_keeps_the_rules() -> None:
    made = {passwords.generate() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        passwords.check_rules(password, names=("li.na",))


def test_a_password_is_kept_as_argon2id(registry: Registry) -> None:
    made = new_passwords.reset(registry, "li.na", at=NOON, who="boss")
    with registry.session() as session:
        hashed = session.get_one(PersonRow, "li.na").password_hash
    assert hashed is not None
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert made not in hashed
    assert passwords.fits(made, hashed)
    assert not passwords.fits(made + "x", hashed)
    assert not passwords.fits(made, None)
    assert not passwords.fits(made, "broken")


# Accounts


def test_every_change_of_an_account_is_in_the_log_with_before_and_after(
    registry: Registry,
) -> None:
    people.change(
        registry, "li.na", at=NOON, who="boss", name="李娜", roles=["auditor"], scopes=["city"]
    )
    people.change(
        registry, "li.na", at=NOON, who="boss", name="李娜", roles=["auditor"], scopes=["city"]
    )
    entry = next(iter(audit.entries(registry)))
    assert (entry.who, entry.action, entry.subject) == ("boss", "person.change", "person:li.na")
    assert entry.before == {"name": "li.na", "roles": ["operator"], "scopes": ["city"]}
    assert entry.after == {"name": "李娜", "roles": ["auditor"], "scopes": ["city"]}
    people.disable(registry, "li.na", at=NOON, who="boss", why="left")
    people.enable(registry, "li.na", at=NOON, who="boss")
    assert actions(registry)[:3] == ["person.enable", "person.disable", "person.change"]
    assert audit.verify(registry) == []


def test_a_name_is_given_once(registry: Registry) -> None:
    again = Person(id="li.na", name="x", roles=(Role.OPERATOR,), scopes=("city",))
    with pytest.raises(Unacceptable, match="of its own"):
        people.add(registry, again, at=NOON, who="boss", password=PASSWORD)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("id", ("A B", "x", ["operator"], ["city"])),
        ("name", ("abc", " ", ["operator"], ["city"])),
        ("roles", ("abc", "x", ["king"], ["city"])),
        ("scopes", ("abc", "x", ["operator"], ["moon"])),
    ],
)
def test_what_is_wrong_with_an_account_is_named(
    field: str, values: tuple[str, str, list[str], list[str]]
) -> None:
    with pytest.raises(Unacceptable) as told:
        people.person_of_input(*values)
    assert told.value.field == field
    assert told.value.rule
    assert told.value.remedy


def test_a_scope_is_a_place_that_the_registry_knows(registry: Registry) -> None:
    with pytest.raises(Unacceptable, match="district:nowhere"):
        people.change(
            registry,
            "li.na",
            at=NOON,
            who="boss",
            name="x",
            roles=["operator"],
            scopes=["district:nowhere"],
        )


def test_one_administrator_stays(registry: Registry) -> None:
    with pytest.raises(Unacceptable, match="one administrator"):
        people.disable(registry, "boss", at=NOON, who="boss")
    with pytest.raises(Unacceptable, match="one administrator"):
        people.change(
            registry, "boss", at=NOON, who="boss", name="b", roles=["auditor"], scopes=["city"]
        )
    other = Person(id="second", name="x", roles=(Role.ADMINISTRATOR,), scopes=("city",))
    people.add(registry, other, at=NOON, who="boss", password=PASSWORD)
    people.disable(registry, "boss", at=NOON, who="second")
    assert people.find(registry, "boss").disabled == NOON  # type: ignore[union-attr]


# Log-in


def test_name_and_password_open_an_account(registry: Registry, clock: FixedClock) -> None:
    account = attempt(registry, clock, " Li.Na ", PASSWORD)
    assert account.person.id == "li.na"


@pytest.mark.parametrize(
    ("name", "password"),
    [("li.na", "wrong"), ("nobody", PASSWORD), ("", ""), ("li.na\0", PASSWORD), ("x" * 9999, "x")],
)
def test_what_is_wrong_is_refused_and_logged(
    registry: Registry, clock: FixedClock, name: str, password: str
) -> None:
    with pytest.raises(LoginRefused) as told:
        attempt(registry, clock, name, password)
    assert told.value.until is None
    entry = next(iter(audit.entries(registry)))
    assert (entry.action, entry.who) == ("login.failed", "anonymous")
    assert entry.subject == ("person:li.na" if name == "li.na" else "person:(unknown)")
    assert entry.after == {"what": "password", "address": HOME}


def test_a_disabled_account_is_not_opened(registry: Registry, clock: FixedClock) -> None:
    people.disable(registry, "li.na", at=NOON, who="boss")
    with pytest.raises(LoginRefused):
        attempt(registry, clock, "li.na", PASSWORD)


@pytest.mark.parametrize("name", ["li.na", "nobody"])
def test_an_account_is_locked_after_five_failures_and_opens_again(
    registry: Registry, clock: FixedClock, name: str
) -> None:
    for number in range(5):
        with pytest.raises(LoginRefused) as told:
            attempt(registry, clock, name, address=f"192.0.2.{number}")
        assert told.value.until is None
    with pytest.raises(LoginRefused) as told:
        attempt(registry, clock, name, PASSWORD, address="198.51.100.1")
    assert told.value.until == NOON + timedelta(minutes=15)
    clock.advance(timedelta(minutes=14))
    with pytest.raises(LoginRefused) as told:
        attempt(registry, clock, name, PASSWORD)
    assert told.value.until == NOON + timedelta(minutes=15)
    assert actions(registry).count("login.locked") == 1
    clock.advance(timedelta(minutes=2))
    if name == "li.na":
        attempt(registry, clock, name, PASSWORD)


def test_an_address_is_locked_whatever_names_it_tries(
    registry: Registry, clock: FixedClock
) -> None:
    limits = Limits(account=50, address=3)

    def guess(name: str, address: str) -> None:
        logins.check_password(
            registry, name, PASSWORD, address=address, at=clock.now(), limits=limits
        )

    for number in range(3):
        with pytest.raises(LoginRefused):
            guess(f"nobody{number}", f"2001:db8::{number}")
    with pytest.raises(LoginRefused) as told:
        guess("li.na", "2001:db8::ffff")
    assert told.value.until is not None, "one network of IPv6 is one address"
    guess("li.na", "2001:db8:1::1")


def test_failures_long_ago_do_not_count_and_a_log_in_forgets_them(
    registry: Registry, clock: FixedClock
) -> None:
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(LoginRefused) as told:
                attempt(registry, clock)
            assert told.value.until is None
        clock.advance(timedelta(minutes=16))
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(LoginRefused):
                attempt(registry, clock, address="203.0.113.1")
        attempt(registry, clock, "li.na", PASSWORD, address="203.0.113.2")
    with registry.session() as session:
        assert session.get(LoginFailureRow, "account:li.na") is None


def test_many_guesses_at_once_do_not_slip_through(registry: Registry, clock: FixedClock) -> None:
    outcomes: list[str] = []

    def guess() -> None:
        try:
            attempt(registry, clock, "li.na", "wrong")
        except LoginRefused as refused:
            outcomes.append("wrong" if refused.until is None else "locked")

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["locked"] * 7 + ["wrong"] * 5


# Second factor


RFC_6238 = [  # appendix B: seconds, SHA-1, SHA-256, SHA-512
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]
SEEDS = {"sha1": 20, "sha256": 32, "sha512": 64}


@pytest.mark.parametrize(
    ("seconds", "algorithm", "expected"),
    [
        (seconds, algorithm, expected)
        for seconds, *codes in RFC_6238
        for algorithm, expected in zip(SEEDS, codes, strict=True)
    ],
)
def test_codes_are_those_of_rfc_6238(seconds: int, algorithm: str, expected: str) -> None:
    key = (b"1234567890" * 7)[: SEEDS[algorithm]]
    step = totp.step_at(datetime.fromtimestamp(seconds, UTC))
    assert totp.code(key, step, digits=8, algorithm=algorithm) == expected


def code_now(secret: str, clock: FixedClock, steps: int = 0) -> str:
    return totp.code(base64.b32decode(secret), totp.step_at(clock.now()) + steps)


def enrol(registry: Registry, clock: FixedClock) -> tuple[str, list[str]]:
    secret = second_factor.begin(registry, "li.na", vault=VAULT)
    codes = second_factor.confirm(
        registry, "li.na", code_now(secret, clock), vault=VAULT, at=clock.now()
    )
    clock.advance(timedelta(seconds=30))
    return secret, codes


def second(registry: Registry, clock: FixedClock, given: str, vault: Vault = VAULT) -> None:
    logins.check_second_factor(registry, "li.na", given, vault=vault, address=HOME, at=clock.now())


def test_a_code_opens_once_and_within_half_a_minute(registry: Registry, clock: FixedClock) -> None:
    secret, _ = enrol(registry, clock)
    good = code_now(secret, clock)
    second(registry, clock, f" {good[:3]} {good[3:]} ")
    for wrong in (good, code_now(secret, clock, -1), code_now(secret, clock, 2), "abc"):
        with pytest.raises(LoginRefused):
            second(registry, clock, wrong)
    second_ahead = code_now(secret, clock, 1)
    second(registry, clock, second_ahead)


def test_a_recovery_code_opens_once(registry: Registry, clock: FixedClock) -> None:
    _, codes = enrol(registry, clock)
    assert len(set(codes)) == 10
    second(registry, clock, codes[3].upper())
    with pytest.raises(LoginRefused):
        second(registry, clock, codes[3])
    second(registry, clock, codes[4].replace("-", ""))
    assert people.find(registry, "li.na").recovery_codes == 8  # type: ignore[union-attr]


def test_the_password_does_not_give_more_guesses_at_the_code(
    registry: Registry, clock: FixedClock
) -> None:
    enrol(registry, clock)
    for _ in range(5):
        attempt(registry, clock, "li.na", PASSWORD)
        with pytest.raises(LoginRefused):
            second(registry, clock, "000000")
    with pytest.raises(LoginRefused) as told:
        attempt(registry, clock, "li.na", PASSWORD)
    assert told.value.until is not None


def test_it_is_asked_for_only_when_it_was_confirmed(registry: Registry, clock: FixedClock) -> None:
    secret = second_factor.begin(registry, "li.na", vault=VAULT)
    assert second_factor.pending(registry, "li.na", vault=VAULT) == secret
    assert attempt(registry, clock, "li.na", PASSWORD).second_factor is None
    with pytest.raises(Unacceptable):
        second_factor.confirm(registry, "li.na", "000000", vault=VAULT, at=NOON)
    enrol(registry, clock)
    with pytest.raises(Unacceptable, match="there is one already"):
        second_factor.begin(registry, "li.na", vault=VAULT)
    second_factor.remove(registry, "li.na", at=clock.now())
    assert attempt(registry, clock, "li.na", PASSWORD).second_factor is None


def test_its_secret_is_not_in_the_database_and_needs_the_key(
    registry: Registry, clock: FixedClock
) -> None:
    secret, codes = enrol(registry, clock)
    with registry.session() as session:
        row = session.get_one(PersonRow, "li.na")
        kept = f"{row.totp_secret} {row.recovery}"
    assert secret not in kept
    assert not any(code in kept for code in codes)
    with pytest.raises(LoginRefused):
        second(registry, clock, code_now(secret, clock), Vault("another key of more than 32 chars"))
    with pytest.raises(Unacceptable, match="ONENET_SECRET_KEY"):
        second_factor.begin(registry, "boss", vault=Vault(""))


# Sessions


LIVES = Lifetimes(idle=timedelta(hours=1), absolute=timedelta(hours=8))


def opened(registry: Registry, clock: FixedClock, **more: str) -> str:
    return sessions.open_session(registry, "li.na", at=clock.now(), lifetimes=LIVES, **more)  # type: ignore[arg-type]


def found(registry: Registry, clock: FixedClock, cookie: str) -> sessions.Visit | None:
    return sessions.find_session(registry, cookie, at=clock.now(), lifetimes=LIVES)


def test_a_session_survives_a_restart_and_its_cookie_is_not_kept(
    registry: Registry, clock: FixedClock
) -> None:
    cookie = opened(registry, clock)
    again = open_registry(str(registry.engine.url))
    visit = found(again, clock, cookie)
    assert visit is not None
    assert visit.account is not None
    assert visit.account.person.id == "li.na"
    assert cookie not in visit.id
    assert found(again, clock, cookie + "x") is None
    again.close()


def test_a_session_ends_when_idle_and_at_its_absolute_end(
    registry: Registry, clock: FixedClock
) -> None:
    cookie = opened(registry, clock)
    for _ in range(8):
        clock.advance(timedelta(minutes=59))
        assert found(registry, clock, cookie) is not None
    clock.advance(timedelta(minutes=8))
    assert found(registry, clock, cookie) is None, "eight hours are over"
    cookie = opened(registry, clock)
    clock.advance(timedelta(hours=1))
    assert found(registry, clock, cookie) is None, "an hour idle"


@pytest.mark.parametrize("deed", ["disable", "reset", "change_password"])
def test_sessions_end_with_the_password_and_with_the_account(
    registry: Registry, clock: FixedClock, deed: str
) -> None:
    cookie = opened(registry, clock)
    token = tokens.make(
        registry, "li.na", name="x", actions=["*.read"], days=1, at=NOON, who="li.na"
    )
    if deed == "disable":
        people.disable(registry, "li.na", at=NOON, who="boss")
    elif deed == "reset":
        new_passwords.reset(registry, "li.na", at=NOON, who="boss")
    else:
        new_passwords.change_password(
            registry, "li.na", old=PASSWORD, new="four red rivers run", at=NOON
        )
    assert found(registry, clock, cookie) is None
    still = tokens.person_of(registry, token, at=NOON) is not None
    assert still is (deed == "change_password")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("wrong", "four red rivers run", "password_old"),
        (PASSWORD, PASSWORD, "password_same"),
        (PASSWORD, "password1234", "password_common"),
        (PASSWORD, "li.na", "password_length"),
    ],
)
def test_a_new_password_needs_the_old_one_and_the_rules(
    registry: Registry, old: str, new: str, code: str
) -> None:
    with pytest.raises(Unacceptable) as told:
        new_passwords.change_password(registry, "li.na", old=old, new=new, at=NOON)
    assert told.value.code == code


def test_sessions_over_are_swept_away(registry: Registry, clock: FixedClock) -> None:
    opened(registry, clock)
    clock.advance(timedelta(hours=9))
    opened(registry, clock)
    with registry.session() as session:
        assert session.query(SessionRow).count() == 1


# API tokens


def make(registry: Registry, *patterns: str, days: int = 30) -> str:
    return tokens.make(
        registry, "li.na", name="meter", actions=patterns, days=days, at=NOON, who="li.na"
    )


def test_a_token_is_its_owners_rights_narrowed(registry: Registry) -> None:
    person = tokens.person_of(registry, make(registry, "alert.*"), at=NOON)
    assert person is not None
    assert (person.id, person.only, person.roles) == ("li.na", ("alert.*",), (Role.OPERATOR,))


def test_a_token_expires_is_revoked_and_is_kept_hashed(registry: Registry) -> None:
    token = make(registry, "*.read")
    end = NOON + timedelta(days=30)
    assert tokens.person_of(registry, token, at=end - timedelta(seconds=1)) is not None
    assert tokens.person_of(registry, token, at=end) is None
    with registry.session() as session:
        row = session.query(ApiTokenRow).one()
        assert token.split("_", 2)[2] not in f"{row.hash} {row.name}"
        assert row.last_used == end - timedelta(seconds=1)
    assert tokens.revoke(registry, "li.na", row.id, at=NOON, who="li.na")
    assert not tokens.revoke(registry, "li.na", row.id, at=NOON, who="li.na")
    assert not tokens.revoke(registry, "boss", row.id, at=NOON, who="boss")
    assert tokens.person_of(registry, token, at=NOON) is None
    assert actions(registry)[:2] == ["token.revoke", "token.make"]
    told = [f"{entry.before} {entry.after}" for entry in audit.entries(registry)]
    assert not any(token.split("_", 2)[2] in text for text in told)


def test_a_token_of_a_disabled_account_opens_nothing(registry: Registry) -> None:
    token = make(registry, "*")
    people.disable(registry, "li.na", at=NOON, who="boss")
    people.enable(registry, "li.na", at=NOON, who="boss")
    assert tokens.person_of(registry, token, at=NOON) is None, "revoked, not only asleep"


@given(st.text(max_size=80))
def test_what_is_no_token_opens_nothing(text: str) -> None:
    assert tokens._TOKEN.fullmatch(text) is None


def test_a_token_with_another_secret_opens_nothing(registry: Registry) -> None:
    token = make(registry, "*")
    assert (
        tokens.person_of(registry, token[:-1] + ("A" if token[-1] != "A" else "B"), at=NOON) is None
    )
    assert (
        tokens.person_of(registry, f"onenet_{'0' * 12}_{token.split('_', 2)[2]}", at=NOON) is None
    )


@pytest.mark.parametrize(
    ("name", "patterns", "days", "code"),
    [
        ("", ["*"], 1, "token_name"),
        ("x" * 65, ["*"], 1, "token_name"),
        ("x", [], 1, "token_actions"),
        ("x", ["everything"], 1, "token_actions"),
        ("x", ["alert.fly"], 1, "token_actions"),
        ("x", ["[a-z]*"], 1, "token_actions"),
        ("x", ["*"], 0, "token_days"),
        ("x", ["*"], 367, "token_days"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    registry: Registry, name: str, patterns: list[str], days: int, code: str
) -> None:
    with pytest.raises(Unacceptable) as told:
        tokens.make(registry, "li.na", name=name, actions=patterns, days=days, at=NOON, who="x")
    assert told.value.code == code
