"""Tokens of our services at a real InfluxDB: each does its part, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
from typer.testing import CliRunner

from onenet.cli import app
from onenet.init import init, read_env, set_in_env
from onenet.store_tokens import ADMIN, tokens_into, variable
from schemas import FlaggedReading, Interval, Outcome, ParameterKey, Period, SensorId, to_ms
from schemas.observation import AGGREGATES
from storage import GRANTS, Store, StoreUnavailable, open_store
from tests.brokers import free_port
from tests.deploy.compose_file import environment, services, variables
from tests.influx import ORG, RunningInflux, influx

# The buckets keep what they are made for, so the past that is written must be near.
T0 = Interval.hour(datetime.now(UTC) - timedelta(days=1)).start
DAY = Interval(T0, T0 + timedelta(days=1))
BUCKETS = ("observations", "aggregates_hour", "aggregates", "accounts")
PREFIX = "city_"
# What may be done to the buckets, in this order: r reads, w writes and deletes.
MAY = {
    "ingest": ("rw", "", "", "rw"),
    "airflow": ("r", "rw", "rw", "rw"),
    "console": ("r", "r", "r", "r"),
    "grafana": ("r", "r", "r", "r"),
    "tools": ("rw", "rw", "rw", "rw"),
}
pytestmark = pytest.mark.influx


@dataclass(frozen=True)
class Installation:
    """An InfluxDB, and the folder in which `onenet init` made the secrets."""

    server: RunningInflux
    env: Path

    @property
    def url(self) -> str:
        return f"{self.server.url}?prefix={PREFIX}"

    def token(self, service: str) -> str:
        return read_env(self.env.read_text("utf-8"))[variable(service)]

    def tokens(self) -> dict[str, str]:
        return {service: self.token(service) for service in GRANTS}

    def prepare(self) -> str:
        """`onenet store prepare`, as an operator runs it."""
        done = CliRunner().invoke(
            app,
            ["store", "prepare", "--env-file", str(self.env)],
            env={"ONENET_STORE_URL": self.url, "ONENET_STORE_TOKEN": "of no use"},
            catch_exceptions=False,
        )
        assert done.exit_code == 0, done.output
        return done.output

    def known_to_the_server(self) -> dict[str, str]:
        """Description by token of those that stand at the server."""
        answer = self.ask(self.server.token, "GET", "/api/v2/authorizations")
        return {one["token"]: one["description"] for one in answer.json()["authorizations"]}

    def ask(self, token: str, method: str, path: str, **request: object) -> httpx.Response:
        return httpx.request(
            method,
            f"{self.server.http}{path}",
            headers={"Authorization": f"Token {token}"},
            timeout=30,
            **request,  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInflux]:
    with influx(tmp_path_factory.mktemp("influx")) as running:
        yield running


@pytest.fixture(scope="module")
def installation(server: RunningInflux, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("installation")
    init(folder)
    made = Installation(server, folder / ".env")
    set_in_env(made.env, {ADMIN: server.token})
    made.prepare()
    return made


def opened(installation: Installation, service: str) -> Store:
    return open_store(installation.url, token=installation.token(service))


# What a token may do


def may_read(installation: Installation, token: str, bucket: str) -> bool:
    """Whether a query is answered; of a bucket that it may not see a token learns nothing."""
    answer = installation.ask(
        token,
        "POST",
        "/api/v2/query",
        params={"org": ORG},
        json={"query": f'from(bucket: "{bucket}") |> range(start: 0) |> limit(n: 1)'},
    )
    assert answer.status_code in (200, 401, 403, 404), answer.text
    return answer.status_code == 200


def may_write(installation: Installation, token: str, bucket: str) -> bool:
    where = {"org": ORG, "bucket": bucket}
    written = installation.ask(
        token, "POST", "/api/v2/write", params=where, content=f"try,x=y n=1i {to_ms(T0)}000000"
    )
    span = {"start": "1970-01-01T00:00:00Z", "stop": "1970-01-02T00:00:00Z"}
    deleted = installation.ask(
        token,
        "POST",
        "/api/v2/delete",
        params=where,
        json={**span, "predicate": '_measurement="try"'},
    )
    for answer in (written, deleted):
        assert answer.status_code in (204, 401, 403, 404), answer.text
    assert written.status_code == deleted.status_code or 204 not in (
        written.status_code,
        deleted.status_code,
    )
    return written.status_code == 204


@pytest.mark.parametrize("service", MAY)
def test_a_token_reads_and_writes_the_buckets_of_its_part_and_no_other(
    installation: Installation, service: str
) -> None:
    assert set(MAY) == set(GRANTS)
    token = installation.token(service)
    found = tuple(
        "r" * may_read(installation, token, PREFIX + bucket)
        + "w" * may_write(installation, token, PREFIX + bucket)
        for bucket in BUCKETS
    )
    assert found == MAY[service]


@pytest.mark.parametrize("service", MAY)
def test_a_token_sees_no_other_installation_and_administers_nothing(
    installation: Installation, service: str
) -> None:
    token = installation.token(service)
    assert not may_read(installation, token, "unused")
    assert not may_write(installation, token, "unused")
    organisations = installation.ask(installation.server.token, "GET", "/api/v2/orgs").json()
    org_id = organisations["orgs"][0]["id"]
    everything = {"action": "read", "resource": {"type": "buckets", "orgID": org_id}}
    for path, body in (
        ("/api/v2/buckets", {"orgID": org_id, "name": "another", "retentionRules": []}),
        ("/api/v2/authorizations", {"orgID": org_id, "permissions": [everything]}),
        ("/api/v2/users", {"name": "another"}),
    ):
        answer = installation.ask(token, "POST", path, json=body)
        assert answer.status_code in (401, 403), f"{path}: {answer.status_code} {answer.text}"
    for path in ("/api/v2/authorizations", "/api/v2/users", "/api/v2/orgs"):
        answer = installation.ask(token, "GET", path)
        listed = answer.json().get(path.rpartition("/")[2], [])
        assert [one for one in listed if one.get("token") != token] == [], path


# What the services do with them


PM25, NO2 = ParameterKey("pm25"), ParameterKey("no2")
READING = FlaggedReading(SensorId("air-a-1"), to_ms(T0), {PM25: 1.0, NO2: 2.0}, {}, to_ms(T0))
SHRUNK = replace(READING, values={PM25: 1.5})
OTHER = replace(READING, sensor=SensorId("air-b-1"))
HOURLY = pl.DataFrame(
    [("city", "city", "pm25", "hour", T0, 1.0, 1.0, 1.0, 1, 1, 1.0, True, "", "mean", "")],
    schema=AGGREGATES,
    orient="row",
)
BARE = HOURLY.with_columns(pl.lit(None, pl.Float64).alias("value"))
DAILY = HOURLY.with_columns(period=pl.lit("day"))


def test_ingest_writes_corrects_and_looks_back_and_touches_no_aggregate(
    installation: Installation,
) -> None:
    store = opened(installation, "ingest")
    assert store.write([READING]) == [Outcome.STORED]
    assert store.write([READING, SHRUNK]) == [Outcome.DUPLICATE, Outcome.REVISED]
    assert store.read(DAY)["value"].to_list() == [1.5]
    store.close()
    refused = opened(installation, "ingest")
    for attempt in (
        lambda: refused.write_aggregates(HOURLY),
        lambda: refused.read_aggregates(DAY, period=Period.HOUR),
    ):
        with pytest.raises(ValueError, match="ONENET_STORE_TOKEN is of a service that has no"):
            attempt()
    refused.close()


def test_the_dags_aggregate_and_settle_and_write_no_observation(
    installation: Installation,
) -> None:
    writer = opened(installation, "ingest")
    writer.write([READING])
    store = opened(installation, "airflow")
    assert not store.read(DAY).is_empty()
    for rows in (HOURLY, BARE, DAILY):
        store.write_aggregates(rows)
    assert store.read_aggregates(DAY, period=Period.HOUR).rows() == BARE.rows()
    store.settle_hours(store.pending_hours(DAY.end))
    assert store.pending_hours(DAY.end) == []
    before = store.read(DAY).rows()
    with pytest.raises(ValueError, match="ONENET_STORE_TOKEN is of a service that has no"):
        store.write([SHRUNK, OTHER])
    assert store.read(DAY).rows() == before
    store.close()
    writer.close()


@pytest.mark.parametrize("service", ["console", "grafana"])
def test_who_shows_reads_everything_and_changes_nothing(
    installation: Installation, service: str
) -> None:
    store = opened(installation, service)
    for answer in (
        store.read(DAY),
        store.latest(),
        store.revisions(DAY),
        store.account(DAY),
        store.read_aggregates(DAY, period=Period.HOUR),
        store.read_aggregates(DAY, period=Period.DAY),
    ):
        assert isinstance(answer, pl.DataFrame)
    store.count_readings()
    pending = store.pending_hours(DAY.end)
    for attempt in (
        lambda: store.write([READING]),
        lambda: store.write_aggregates(HOURLY),
        lambda: store.settle_hours(pending),
    ):
        with pytest.raises(ValueError, match="ONENET_STORE_TOKEN is of a service that has no"):
            attempt()
    store.close()


# Making them


def test_made_again_they_are_those_that_there_were(installation: Installation) -> None:
    before, known = installation.env.read_bytes(), installation.known_to_the_server()
    assert installation.prepare().strip() == "nothing to prepare"
    assert installation.env.read_bytes() == before
    assert installation.known_to_the_server() == known


def test_they_are_told_to_nobody_and_kept_for_the_owner_alone(
    server: RunningInflux, tmp_path: Path
) -> None:
    init(tmp_path)
    made = Installation(server, tmp_path / ".env")
    set_in_env(made.env, {ADMIN: server.token})
    made.env.chmod(0o644)
    before = made.tokens()
    said = made.prepare()
    assert made.env.stat().st_mode & 0o777 == 0o600
    assert not set(before.values()) & set(made.tokens().values())
    assert len({server.token, *made.tokens().values()}) == len(GRANTS) + 1
    for service, token in made.tokens().items():
        assert f"{variable(service)} made" in said
        assert token not in said


def test_a_lost_a_wide_and_a_disabled_token_are_made_anew_and_the_old_ones_end(
    server: RunningInflux, tmp_path: Path
) -> None:
    init(tmp_path)
    made = Installation(server, tmp_path / ".env")
    set_in_env(made.env, {ADMIN: server.token})
    made.prepare()
    first = made.tokens()
    listed = made.ask(server.token, "GET", "/api/v2/authorizations").json()["authorizations"]
    ids = {one["token"]: one["id"] for one in listed}
    set_in_env(made.env, {variable("ingest"): "lost", variable("console"): server.token})
    made.ask(
        server.token,
        "PATCH",
        f"/api/v2/authorizations/{ids[first['grafana']]}",
        json={"status": "inactive"},
    ).raise_for_status()
    made.prepare()
    renewed = {name for name, token in made.tokens().items() if token != first[name]}
    assert renewed == {"ingest", "console", "grafana"}
    known = made.known_to_the_server()
    assert set(made.tokens().values()) <= set(known)
    assert not {first[name] for name in renewed} & set(known), "the old ones open nothing"
    assert server.token in known


def test_a_file_that_cannot_be_kept_leaves_the_old_tokens_valid(
    server: RunningInflux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(tmp_path)
    made = Installation(server, tmp_path / ".env")
    set_in_env(made.env, {ADMIN: server.token})
    made.prepare()
    first, known = made.tokens(), made.known_to_the_server()
    stale = made.env.read_text("utf-8").replace(first["ingest"], "lost")

    def full(*_: object) -> None:
        raise OSError("no space left")

    made.env.write_text(stale, "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("onenet.store_tokens.set_in_env", full)
        with pytest.raises(OSError, match="no space left"):
            tokens_into(made.env, made.url)
    assert set(known) <= set(made.known_to_the_server())
    made.prepare()
    assert len(made.known_to_the_server()) == len(known), "what nobody kept is gone"


def test_without_buckets_or_administrator_or_server_it_says_what_to_do(
    server: RunningInflux, tmp_path: Path
) -> None:
    init(tmp_path)
    env = tmp_path / ".env"
    with pytest.raises(ValueError, match="the administrator's token of the organisation"):
        tokens_into(env, server.url)
    set_in_env(env, {ADMIN: server.token})
    with pytest.raises(ValueError, match=r"has no bucket not_there_observations, .* store prepare"):
        tokens_into(env, f"{server.url}?prefix=not_there_")
    with pytest.raises(StoreUnavailable):
        tokens_into(env, f"influx://127.0.0.1:{free_port()}/{ORG}")
    assert tokens_into(env, "sqlite:///nowhere.db") == []
    env.write_text("", "utf-8")
    with pytest.raises(ValueError, match="INFLUX_ADMIN_TOKEN: there is none; run `onenet init`"):
        tokens_into(env, server.url)


def test_no_service_that_runs_on_has_the_administrators_token() -> None:
    for name, service in services().items():
        given = " ".join(environment(service).values())
        if ADMIN in variables(given):
            assert name in ("influxdb", "prepare"), name
    holders = {
        "ingest": "ingest",
        "airflow-scheduler": "airflow",
        "console": "console",
        "alerts": "console",
        "tools": "tools",
    }
    for name, service in holders.items():
        token = environment(services()[name])["ONENET_STORE_TOKEN"]
        assert list(variables(token)) == [variable(service)]
    assert list(variables(environment(services()["grafana"])["INFLUX_TOKEN"])) == [
        variable("grafana")
    ]
