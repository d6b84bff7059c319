"""What becomes of a message: accepted, flagged, or refused with a reason people understand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest.directory import SensorDirectory
from ingest.pipeline import Batch, Message, Pipeline
from ingest.replay import refused_payload
from registry import NewDeadLetter, Registry
from registry.loggers import set_logger
from schemas import SeriesTags, catalogue, flag_of, from_ms, load_catalogue
from schemas.catalogue import Catalogue
from schemas.clock import HOUR_MS
from schemas.flags import Cause, Flag, cause_of
from schemas.hj212 import framed
from schemas.registry import DeadLetter
from schemas.rejection import reasons
from tests.city import demo_registry

NOW = 1_795_000_000_000
AIR = "onenet/v1/air/air-lianhua-1/data/json"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return demo_registry(tmp_path_factory.mktemp("registry"))


def make_pipeline(registry: Registry, parameters: Catalogue) -> Pipeline:
    directory = SensorDirectory(registry, parameters)
    directory.renew()
    return Pipeline(directory, parameters)


@pytest.fixture
def pipeline(registry: Registry) -> Pipeline:
    return make_pipeline(registry, catalogue())


def reading(ts: object = NOW, **values: object) -> dict[str, object]:
    return {"ts": ts, "values": values or {"pm25": 12.3}}


def send(pipeline: Pipeline, payload: object, topic: str = AIR) -> Batch:
    batch = Batch()
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    pipeline.process(Message(topic, raw, NOW), batch)
    pipeline.flag(batch)
    return batch


def test_a_reading_is_accepted_with_its_values_and_time(pipeline: Pipeline) -> None:
    batch = send(pipeline, reading("2026-11-14T10:06:40+08:00", pm25=12.3, no2=None))
    (kept,) = batch.readings
    assert (kept.sensor, kept.values) == ("air-lianhua-1", {"pm25": 12.3, "no2": None})
    assert kept.ts_ms == 1_794_622_000_000
    assert kept.arrived_ms == NOW
    assert {key: flag_of(code) for key, code in kept.quality.items()} == {"no2": Flag.MISSING}
    assert not batch.dead_letters


def test_a_reading_carries_where_its_sensor_stands(pipeline: Pipeline) -> None:
    (government,) = send(pipeline, reading()).readings
    assert government.tags == SeriesTags("air", "st-air-lianhua", "futian", "lianhua", "government")
    topic = "onenet/v1/water/water-outfall-songgang-plating-1/data/json"
    (enterprise,) = send(pipeline, reading(ph=7.1), topic).readings
    assert enterprise.tags.owner == "songgang-plating"


@pytest.mark.parametrize(
    ("payload", "topic", "told"),
    [
        (
            {"ts": 1.5, "values": {"pm25": 1}},
            AIR,
            "field_type: ts = 1.5; rule: RFC 3339 text with offset, or whole milliseconds",
        ),
        (
            {"ts": NOW, "values": {"pm\n25": 1}},
            AIR,
            "text_not_allowed: values.pm\\u000a25 = pm\\u000a25; rule",
        ),
        (
            {"ts": NOW, "values": {"pm25": 1}, "flags": {"laeq": "N"}},
            AIR,
            "field_unknown: flags.laeq = N; rule: flags speak of the sensor's channels: co, ",
        ),
        (
            {"state": "asleep", "session": 1},
            AIR.replace("data", "status"),
            "field_type: status state = asleep; rule: Input should be 'online' or 'offline'",
        ),
        (b"{", AIR.replace("data", "event"), "json_broken: event reading"),
    ],
)
def test_a_reason_names_field_value_and_rule_as_the_device_knows_them(
    pipeline: Pipeline, payload: object, topic: str, told: str
) -> None:
    (letter,) = send(pipeline, payload, topic).dead_letters
    assert letter.sensor == "air-lianhua-1"
    said = letter.reason_en.partition(": ")[2]
    assert f"{letter.code}: {said}".startswith(told)
    assert "constrained" not in said
    assert said.isprintable()


def test_of_an_array_the_good_are_kept_and_the_bad_refused_by_position(pipeline: Pipeline) -> None:
    payload = [reading(NOW), reading("x"), reading(NOW + 1), {"ts": NOW + 2}, reading("y")]
    batch = send(pipeline, payload)
    assert [r.ts_ms for r in batch.readings] == [NOW, NOW + 1]
    assert {d.code: d.refused for d in batch.dead_letters} == {
        "timestamp_malformed": (1, 4),
        "field_missing": (3,),
    }
    assert sum(batch.received.values()) == 5
    assert sum(batch.dead_lettered.values()) == 3


DAY_MS = 86_400_000
HOSTILE: list[tuple[str, object, str]] = [
    ("broken JSON", b'{"ts": 1795000000000, "values": {"pm25": ', "json_broken"),
    ("nothing", b"", "payload_empty"),
    ("blanks", b"   ", "json_broken"),
    ("not UTF-8", b'{"ts": 1, "values": {"\xff\xfe": 1}}', "json_broken"),
    ("binary", bytes(range(256)), "json_broken"),
    ("two documents", b'{"ts":1}{"ts":2}', "json_broken"),
    ("a bare number", b"12.3", "payload_shape"),
    ("a bare text", b'"pm25=12"', "payload_shape"),
    ("null", b"null", "payload_shape"),
    ("an empty array", b"[]", "payload_shape"),
    ("an array of numbers", b"[1, 2, 3]", "field_type"),
    ("no values", {"ts": NOW}, "field_missing"),
    ("empty values", {"ts": NOW, "values": {}}, "field_missing"),
    ("no time", {"values": {"pm25": 1}}, "field_missing"),
    ("an unknown field", {**reading(), "colour": "red"}, "field_unknown"),
    ("text as value", reading(pm25="12.3"), "field_type"),
    ("decimal comma", reading(pm25="12,3"), "field_type"),
    ("true as value", reading(pm25=True), "field_type"),
    ("a list as value", reading(pm25=[1]), "field_type"),
    ("NaN", b'{"ts": 1795000000000, "values": {"pm25": NaN}}', "value_not_finite"),
    ("infinity", b'{"ts": 1795000000000, "values": {"pm25": Infinity}}', "value_not_finite"),
    (
        "a number beyond floats",
        b'{"ts": 1795000000000, "values": {"pm25": 1e999}}',
        "value_not_finite",
    ),
    ("an absurd number", reading(pm25=1e300), "field_type"),
    ("one megabyte of text", {"ts": "x" * 1_000_000, "values": {"pm25": 1}}, "payload_too_large"),
    ("deep nesting", b'{"ts":1,"values":' + b'{"a":' * 50 + b"1" + b"}" * 51, "too_deep"),
    ("bottomless nesting", b"[" * 100_000, "too_deep"),
    ("too many readings", [reading(NOW + n) for n in range(501)], "too_many_readings"),
    ("too many values", reading(**{f"p{n}": 1 for n in range(65)}), "too_many_values"),
    ("wrong unit", {**reading(), "units": {"pm25": "mg/m3"}}, "unit_wrong"),
    ("an unknown parameter", reading(phlogiston=1), "parameter_unknown"),
    ("a parameter that it does not measure", reading(laeq=60), "parameter_not_measured"),
    ("the future", reading(NOW + 6 * 60_000), "clock_ahead"),
    ("the past", reading(NOW - 36 * DAY_MS), "too_old"),
    ("the epoch", reading(0), "too_old"),
    ("seconds for milliseconds", reading(NOW // 1000), "too_old"),
    ("a time without zone", reading("2026-11-24T08:00:00"), "timestamp_malformed"),
    ("a time that is none", reading("yesterday"), "timestamp_malformed"),
    ("a half millisecond", reading(NOW + 0.5), "field_type"),
    ("another's id", {**reading(), "sensor": "air-cuizhu-1"}, "sensor_mismatch"),
    ("control characters", {**reading(), "units": {"pm25": "ug\x00\x07/m3"}}, "text_not_allowed"),
    ("SQL in a name", reading(**{"pm25'; DROP TABLE reading;--": 1}), "text_not_allowed"),
    ("line protocol in a name", reading(**{"pm25=1,sensor=x": 1}), "text_not_allowed"),
    ("markup in a name", reading(**{"<script>alert(1)</script>": 1}), "text_not_allowed"),
    ("an unknown device flag", {**reading(), "flags": {"pm25": "Q"}}, "field_type"),
    ("a huge counter", {**reading(), "seq": 2**70}, "field_type"),
]

HOSTILE_TOPICS: list[tuple[str, str, str]] = [
    ("an unknown sensor", "onenet/v1/air/air-nobody-1/data/json", "sensor_unknown"),
    ("a retired sensor", "onenet/v1/noise/noise-huaqiangbei-0/data/json", "sensor_retired"),
    ("another medium", "onenet/v1/water/air-lianhua-1/data/json", "medium_mismatch"),
    ("an unknown medium", "onenet/v1/fire/air-lianhua-1/data/json", "topic_malformed"),
    ("an unknown channel", "onenet/v1/air/air-lianhua-1/dta/json", "topic_malformed"),
    ("an unsupported format", "onenet/v1/air/air-lianhua-1/data/senml", "format_unsupported"),
    ("SQL as sensor", "onenet/v1/air/x' OR 1=1--/data/json", "topic_malformed"),
    ("capitals", "onenet/v1/air/AIR-LIANHUA-1/data/json", "topic_malformed"),
    ("a newline", "onenet/v1/air/air-lianhua-1\n/data/json", "topic_malformed"),
    ("a status that is none", "onenet/v1/air/air-lianhua-1/status/json", "field_missing"),
]


@pytest.mark.parametrize(("name", "payload", "code"), HOSTILE, ids=[h[0] for h in HOSTILE])
def test_a_bad_payload_is_refused_with_its_reason(
    pipeline: Pipeline, name: str, payload: object, code: str
) -> None:
    understandable(send(pipeline, payload), code)


@pytest.mark.parametrize(
    ("name", "topic", "code"), HOSTILE_TOPICS, ids=[h[0] for h in HOSTILE_TOPICS]
)
def test_a_bad_topic_is_refused_with_its_reason(
    pipeline: Pipeline, name: str, topic: str, code: str
) -> None:
    understandable(send(pipeline, reading(), topic), code)


def understandable(batch: Batch, code: str) -> None:
    """Refused for this reason, told in both languages, with field, value, rule and remedy."""
    assert [letter.code for letter in batch.dead_letters] == [code]
    (letter,) = batch.dead_letters
    assert not batch.readings
    for text in (letter.reason_zh, letter.reason_en):
        assert letter.field in text
        assert letter.value in text
        assert len(text) < 600
        assert text.isprintable(), text
    assert any("\u4e00" <= c <= "\u9fff" for c in letter.reason_zh)
    assert reasons()[code]["do_zh"] in letter.reason_zh
    assert sum(batch.received.values()) == sum(batch.dead_lettered.values()) >= 1


def test_status_events_and_commands_are_not_readings(pipeline: Pipeline) -> None:
    for channel, payload in (
        ("status", {"state": "online", "session": 1}),
        ("event", {"ts": NOW, "kind": "door"}),
        ("cmd", {"anything": 1}),
    ):
        batch = send(pipeline, payload, AIR.replace("data", channel))
        assert not batch.dead_letters
        assert not batch.received


@given(payload=st.binary(max_size=300))
def test_no_bytes_whatever_break_the_pipeline(registry: Registry, payload: bytes) -> None:
    batch = send(make_pipeline(registry, catalogue()), payload)
    assert len(batch.readings) + len(batch.dead_letters) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values=st.dictionaries(st.text(max_size=8), json_values, max_size=4), ts=json_values)
def test_no_json_whatever_breaks_the_pipeline(registry: Registry, values: dict, ts: object) -> None:
    batch = send(make_pipeline(registry, catalogue()), {"ts": ts, "values": values})
    assert len(batch.readings) + len(batch.dead_letters) == 1


def test_a_new_parameter_is_one_entry_of_data_and_no_code(
    tmp_path: Path, registry: Registry
) -> None:
    """Illuminance in lx: an entry in the catalogue file, a channel in the registration; no code."""
    shipped = yaml.safe_load(
        (Path(__file__).parents[2] / "schemas" / "parameters.yaml").read_text("utf-8")
    )
    shipped["illuminance"] = {
        "zh": "照度",
        "en": "Illuminance",
        "unit": "lx",
        "media": ["air"],
        "range": [0, 200_000],
        "resolution": 1,
        "codes": {"qudt": "unit:LUX"},
        "qc": [{"cadence_s": 300, "spike_suspect": 50_000}],
    }
    path = tmp_path / "parameters.yaml"
    path.write_text(yaml.safe_dump(shipped, allow_unicode=True), "utf-8")
    extended = load_catalogue(path)

    own = demo_registry(tmp_path)
    sensor = own.sensors()["air-lianhua-1"]
    own.add(sensors=[sensor.model_copy(update={"parameters": (*sensor.parameters, "illuminance")})])

    pipeline = make_pipeline(own, extended)
    (kept,) = send(pipeline, reading(NOW, illuminance=53_000)).readings
    assert kept.values == {"illuminance": 53_000}
    (wild,) = send(pipeline, reading(NOW + 300_000, illuminance=300_000)).readings
    assert flag_of(wild.quality["illuminance"]) is Flag.BAD
    refused = send(make_pipeline(own, catalogue()), reading(illuminance=1))
    assert refused.dead_letters[0].code == "parameter_unknown"

    from network.hours import channels

    assert (
        channels([own.sensors()["air-lianhua-1"]], extended)["parameter"]
        .to_list()
        .count("illuminance")
    )


@pytest.mark.parametrize(
    ("letter", "flag", "cause"),
    [
        ("N", Flag.GOOD, Cause.NONE),
        ("C", Flag.BAD, Cause.CALIBRATION),
        ("D", Flag.BAD, Cause.DEVICE),
        ("F", Flag.MISSING, Cause.DEVICE),
    ],
)
def test_the_devices_own_flag_is_heard(
    pipeline: Pipeline, letter: str, flag: Flag, cause: Cause
) -> None:
    (kept,) = send(pipeline, {**reading(), "flags": {"pm25": letter}}).readings
    code = kept.quality.get("pm25", 1)  # type: ignore[call-overload]
    assert (flag_of(code), cause_of(code)) == (flag, cause)


def test_a_flag_may_speak_of_a_channel_without_a_value(pipeline: Pipeline) -> None:
    """A device that calibrates one channel sends the others and says why that one is not there."""
    batch = send(pipeline, {**reading(), "flags": {"no2": "C"}})
    assert [kept.values for kept in batch.readings] == [{"pm25": 12.3}]
    assert not batch.dead_letters


def test_data_under_maintenance_are_suspect(pipeline: Pipeline) -> None:
    payload = {"ts": NOW, "values": {"laeq": 50.0}}
    (kept,) = send(pipeline, payload, "onenet/v1/noise/noise-maluan-1/data/json").readings
    assert flag_of(kept.quality["laeq"]) is Flag.SUSPECT  # type: ignore[index]


# HJ 212 over MQTT

LOGGED = "water-outfall-songgang-plating-1"
OUTFALL = f"onenet/v1/water/{LOGGED}/data/hj212"
FRAME = b"QN=1;ST=32;CN=2011;PW=abc123;MN=88888880000001;Flag=4;CP=&&DataTime=20261114100640;%b&&"


@pytest.fixture
def logging_city(tmp_path: Path) -> Registry:
    registry = demo_registry(tmp_path)
    set_logger(registry, LOGGED, mn="88888880000001", by="li", at=from_ms(NOW))
    return registry


def hj212(content: bytes) -> bytes:
    return framed(FRAME % content)


def test_a_frame_of_a_registered_logger_is_accepted_with_its_flags(logging_city: Registry) -> None:
    pipeline = make_pipeline(logging_city, catalogue())
    content = b"w01018-Rtd=41.5,w01018-Flag=N;w01001-Rtd=7.2,w01001-Flag=D;w01012-Rtd=3"
    batch = send(pipeline, hj212(content), OUTFALL)
    (kept,) = batch.readings
    assert (kept.values, kept.ts_ms) == ({"cod": 41.5, "ph": 7.2}, 1_794_622_000_000)
    assert flag_of(kept.quality["ph"]) is Flag.BAD
    (letter,) = batch.dead_letters
    assert (letter.code, letter.value, letter.sensor) == ("parameter_unknown", "w01012", LOGGED)
    account = (LOGGED, NOW // HOUR_MS * HOUR_MS)
    assert (batch.received[account], batch.dead_lettered[account]) == (2, 1)
    assert refused_payload(kept_letter(letter)) == hj212(content)


def kept_letter(new: NewDeadLetter) -> DeadLetter:
    columns = {name: getattr(new, name) for name in NewDeadLetter.__slots__}
    return DeadLetter(**columns, id=1, times_seen=1, replayed=None)


@pytest.mark.parametrize(
    ("topic", "payload", "code"),
    [
        (OUTFALL, b"##0003too short", "hj212_length_mismatch"),
        (OUTFALL, b"no frame at all", "hj212_bad_length_field"),
        (OUTFALL, hj212(b"w01018-Rtd=1").replace(b";w0", b";x0"), "hj212_bad_crc"),
        (OUTFALL, framed(b"CN=2011;MN=99;CP=&&&&"), "sensor_mismatch"),
        ("onenet/v1/air/air-lianhua-1/data/hj212", hj212(b"a34004-Rtd=1"), "hj212_not_registered"),
    ],
)
def test_a_frame_that_cannot_be_taken_is_a_dead_letter(
    logging_city: Registry, topic: str, payload: bytes, code: str
) -> None:
    batch = send(make_pipeline(logging_city, catalogue()), payload, topic)
    assert [letter.code for letter in batch.dead_letters] == [code]
    assert batch.readings == []


def test_what_a_logger_tells_beside_its_readings_is_heard_and_not_stored(
    logging_city: Registry,
) -> None:
    state = framed(b"QN=1;CN=2021;MN=88888880000001;CP=&&DataTime=20261114100640;SB1-RS=1&&")
    batch = send(make_pipeline(logging_city, catalogue()), state, OUTFALL)
    assert (batch.readings, batch.dead_letters, sum(batch.received.values())) == ([], [], 0)
    assert LOGGED in batch.heard
