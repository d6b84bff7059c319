"""What an administrator is told on every page, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from console.notices import MANY_FAILURES, notices
from registry.logins import failed
from registry.standings import Standing, keep_standings
from tests.console.test_logging_in import House
from tests.console.visiting import client_of, log_in


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.registry.close()


def shown(house: House, person: str, path: str = "/?lang=en") -> str:
    return client_of(house.app, person).get(path).text


def kinds(house: House) -> list[str]:
    return [notice.kind for notice in notices(house.registry, house.clock.now())]


def watch(house: House, **days: float | None) -> None:
    found = [Standing(name, left, "", "", None) for name, left in days.items()]
    keep_standings(house.registry, "certificate", found, at=house.clock.now())


def test_nothing_is_told_on_a_good_day(house: House) -> None:
    watch(house, broker=30.0, ca=3000.0)
    assert kinds(house) == []
    assert "top-notice" not in shown(house, "boss")


def test_certificates_are_told_30_days_before_their_end_on_every_page(house: House) -> None:
    watch(house, broker=29.9, ca=-1.0, other=None)
    assert kinds(house) == ["certificate_ends", "certificate_ended", "certificate_unread"]
    for path in ("/?lang=en", "/workorders?lang=en", "/people?lang=en"):
        page = shown(house, "boss", path)
        assert "The certificate of broker ends in 29 days. Run `onenet init`" in page
        assert "The certificate of ca has ended" in page
    assert "broker 的证书还有 29 天到期" in shown(house, "boss", "/")
    assert "top-notice" not in shown(house, "li.na"), "an operator can do nothing about it"


def test_many_failed_log_ins_within_an_hour_are_told(house: House) -> None:
    browser = house.browser()
    assert log_in(browser, "boss", "a guess").status_code != 303
    for n in range(MANY_FAILURES - 2):
        failed(house.registry, "boss", f"10.0.0.{n % 3}", house.clock.now(), "password")
    assert kinds(house) == []
    log_in(browser, "nobody", "a guess")
    page = shown(house, "boss")
    assert f"{MANY_FAILURES} log-ins failed within the last hour, from 4 addresses" in page
    assert "/audit?action=login.failed" in page
    house.clock.advance(timedelta(hours=1, seconds=1))
    assert kinds(house) == []


def test_a_hostile_name_comes_out_inert(house: House) -> None:
    keep_standings(
        house.registry,
        "certificate",
        [Standing("<script>x</script>", 1.0, "", "", None)],
        at=house.clock.now(),
    )
    assert "<script>x" not in shown(house, "boss")
