"""What the gateway lets anybody ask of it: addresses, pace, guesses; without a network."""

from __future__ import annotations

import pytest

from ingest.gateway.limits import Guesses, Limits, Pace, Peers, networks


class Watch:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_connections_are_limited_by_address_and_in_all() -> None:
    peers = Peers(Limits(connections=3, connections_per_peer=2))
    assert [peers.enter("10.0.0.1") for _ in range(3)] == [None, None, "peer"]
    assert [peers.enter(f"10.0.0.{n}") for n in (2, 3)] == [None, "full"]
    peers.leave("10.0.0.1")
    assert peers.enter("10.0.0.3") is None


def test_only_the_named_networks_get_in() -> None:
    peers = Peers(Limits(networks=networks("10.1.0.0/16, 2001:db8::/32")))
    seen = {a: peers.enter(a) for a in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1")}
    assert set(seen.values()) == {None}
    for stranger in ("10.2.0.1", "::1", "unknown"):
        assert peers.enter(stranger) == "network"


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.1\.0\.300"):
        networks("10.1.0.300/16")


def test_the_pace_lets_a_burst_through_and_then_so_many_a_second() -> None:
    watch = Watch()
    pace = Pace(10, 3, watch)
    assert [round(pace.wait(), 3) for _ in range(5)] == [0, 0, 0, 0.1, 0.2]
    watch.time = 1.0
    assert pace.wait() == 0


def test_what_is_spared_is_never_in_debt() -> None:
    watch = Watch()
    pace = Pace(1, 2, watch)
    assert [pace.spare() for _ in range(50)] == [True, True, *[False] * 48]
    watch.time = 1.0
    assert [pace.spare(), pace.spare()] == [True, False]


def test_ten_wrong_guesses_in_five_minutes_are_too_many_for_this_address_alone() -> None:
    watch = Watch()
    guesses = Guesses(watch)
    for _ in range(10):
        assert not guesses.too_many("a", "mn")
        guesses.wrong("a", "mn")
    assert guesses.too_many("a", "mn")
    assert not guesses.too_many("b", "mn")
    watch.time = 301
    assert not guesses.too_many("a", "mn")
