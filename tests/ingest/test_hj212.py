"""HJ 212 as it comes: frames out of any stream, what they say, what becomes readings."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest.hj212 import Expected, Packet, answer_to, decode_hj212, refuse_damaged
from schemas import ParameterKey, Rejected, to_ms
from schemas.hj212 import (
    Damaged,
    Frame,
    FrameReader,
    Upload,
    crc16,
    framed,
    frames_of,
    modbus_crc16,
)

FRAMES = Path(__file__).parent / "data" / "hj212"
CASES = yaml.safe_load((FRAMES / "manifest.yaml").read_text("utf-8"))["cases"]
MN = "010000A8900016F000169DC0"


def keys(*names: str) -> frozenset[ParameterKey]:
    return frozenset(map(ParameterKey, names))


def live(
    cp: str, *, cn: str = "2011", st: str = "22", extra: str = "Flag=5", mn: str = MN
) -> bytes:
    head = f"QN=20260315093000123;ST={st};CN={cn};PW=abc123;MN={mn};{extra};CP=&&"
    return framed(f"{head}{cp}&&".encode())


@pytest.mark.parametrize(
    ("segment", "expected"),
    [(b"123456789", 0x2F80), (b"A", 0x7080), (b"", 0xFFFF)],
)
def test_the_checksum_is_that_of_the_standard(segment: bytes, expected: int) -> None:
    assert crc16(segment) == expected


def test_a_modbus_checksum_is_that_of_modbus() -> None:
    assert modbus_crc16(b"123456789") == 0x4B37


# Whole frames, with what is expected of them


def read_in_chunks(raw: bytes, sizes: list[int]) -> tuple[list[Frame | Damaged], int]:
    reader, found, at = FrameReader(), [], 0
    for size in sizes:
        found += reader.feed(raw[at : at + size])
        at += size
    return [*found, *reader.end()], reader.discarded


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_collected_frames_are_read_and_answered_as_expected(case: dict[str, Any]) -> None:
    raw = (FRAMES / case["file"]).read_bytes()
    found, discarded = read_in_chunks(raw, case.get("chunks", [len(raw)]))
    assert discarded == case["expect"]["discarded"]
    assert len(found) == len(case["expect"]["frames"])
    for frame, expected in zip(found, case["expect"]["frames"], strict=True):
        if expected["status"] == "error":
            assert isinstance(frame, Damaged)
            assert frame.code == expected["error"]
            assert frame.declared == expected.get("declared", frame.declared)
            assert refuse_damaged(frame).reason("zh")
            continue
        assert isinstance(frame, Frame)
        hold_against(Packet.parse(frame.segment), expected)


def hold_against(packet: Packet, expected: dict[str, Any]) -> None:
    told = (packet.qn, packet.st, packet.cn, packet.mn, packet.flag, packet.edition)
    names = ("qn", "st", "cn", "mn", "flag", "version")
    assert told == tuple(expected[name] for name in names)
    assert packet.wants_answer == expected["ack_wanted"]
    assert (packet.pnum, packet.pno) == (expected.get("pnum"), expected.get("pno"))
    if "data_time" in expected:
        assert packet.data_time == datetime.fromisoformat(expected["data_time"])
    assert packet.params.items() >= expected.get("params", {}).items()
    items = expected.get("items", [])
    assert list(packet.items) == [item["code"] for item in items]
    for item in items:
        ours = packet.items[item["code"]]
        assert ours.flag == item.get("flag")
        assert {name: ours.number(name) for name in ours.fields} == item["values"]
    reply = answer_to(packet)
    assert reply == (expected["reply"].encode() if "reply" in expected else None)


# Any stream, cut anyhow

GOOD = [live(f"DataTime=20260315093000;a34004-Rtd={n},a34004-Flag=N") for n in range(3)]
NOISE = st.one_of(
    st.sampled_from(GOOD),
    st.sampled_from(
        [b"##", b"###", b"#", b"\r\n", b"##9999", b"##0000FFFF", b"##0010abc", b"GET /"]
    ),
    st.sampled_from(GOOD).map(lambda frame: frame[:-9] + b"x" + frame[-8:]),
    st.sampled_from(GOOD).flatmap(lambda f: st.integers(1, len(f)).map(lambda n: f[:n])),
    st.binary(max_size=30),
)


@given(st.lists(NOISE, max_size=8).map(b"".join), st.data())
def test_however_a_stream_is_cut_the_frames_are_the_same(
    stream: bytes, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    edges = [0, *cuts, len(stream)]
    sizes = [end - start for start, end in pairwise(edges)]
    assert read_in_chunks(stream, sizes) == frames_of(stream)


@given(
    st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"#", b"")), min_size=3, max_size=3)
)
def test_garbage_between_frames_is_skipped_and_counted(garbage: list[bytes]) -> None:
    stream = b"".join(g + frame for g, frame in zip(garbage, GOOD, strict=True))
    found, discarded = frames_of(stream)
    assert [frame.raw for frame in found] == [frame[:-2] for frame in GOOD]
    assert discarded == sum(octet not in b"\r\n" for octet in b"".join(garbage))


@given(st.binary(max_size=4000))
def test_no_octets_make_the_reader_fail_or_hold_more_than_a_frame(stream: bytes) -> None:
    reader = FrameReader()
    for octet in stream:
        list(reader.feed(bytes([octet])))
        assert reader.held <= 1036
    list(reader.end())
    assert not reader.waiting


@pytest.mark.parametrize("damaged", [b"##9999zz", b"##00x0", b"##0300QN=cut off", GOOD[0][:50]])
def test_a_good_frame_behind_a_damaged_one_is_not_lost(damaged: bytes) -> None:
    found, _ = frames_of(damaged + GOOD[1] + GOOD[2])
    assert [frame.raw for frame in found if isinstance(frame, Frame)] == [
        GOOD[1][:-2],
        GOOD[2][:-2],
    ]


def test_a_modbus_checksum_is_told_apart() -> None:
    segment = GOOD[0][6:-6]
    (damaged,), _ = frames_of(GOOD[0][:-6] + b"%04X\r\n" % modbus_crc16(segment))
    assert isinstance(damaged, Damaged)
    assert "Modbus" in refuse_damaged(damaged).remedy


def test_an_encrypted_segment_is_told_apart() -> None:
    head = f"QN=1;ST=32;CN=2011;PW=abc123;MN={MN};Flag=9;CP=&&".encode()
    segment = head + bytes(range(128, 144)) + b"&&"
    (damaged,), _ = frames_of(b"##%04d%b0000\r\n" % (len(segment), segment))
    assert isinstance(damaged, Damaged)
    assert refuse_damaged(damaged).code == "hj212_encrypted"


# What a segment says

HEAD = f"QN=20260315093000123;ST=22;CN=2011;PW=abc123;MN={MN};Flag=5;"
WHEN = "DataTime=20260315093000;"


@pytest.mark.parametrize(
    ("segment", "code"),
    [
        (HEAD + "CP=", "hj212_missing_cp"),
        ("CN=2011;MN=1;XCP=&&&&", "hj212_missing_cp"),
        (HEAD + "CP=&&", "hj212_cp_unterminated"),
        (HEAD + "CP=&&" + WHEN, "hj212_cp_unterminated"),
        ("CN=2011;word;MN=1;CP=&&&&", "hj212_bad_header"),
        ("CN=20x1;MN=1;CP=&&&&", "hj212_bad_header"),
        ("CN=2011;MN=" + "9" * 65 + ";CP=&&&&", "hj212_bad_header"),
        ("CN=2011;CP=&&&&", "hj212_missing_field"),
        ("MN=1;CP=&&&&", "hj212_missing_field"),
        ("CN=2011;MN=1;Flag=256;CP=&&&&", "hj212_bad_flag"),
        ("CN=2011;MN=1;Flag=x;CP=&&&&", "hj212_bad_flag"),
        ("CN=2011;MN=1;Flag=7;PNUM=2;CP=&&&&", "hj212_packet_fields_missing"),
        ("CN=2011;MN=1;Flag=7;PNUM=2;PNO=3;CP=&&&&", "hj212_bad_packet_number"),
        ("CN=2011;MN=1;Flag=7;PNUM=2;PNO=0;CP=&&&&", "hj212_bad_packet_number"),
        (HEAD + "CP=&&a34004-Rtd=1&&", "hj212_missing_datatime"),
        (HEAD + "CP=&&DataTime=20260231000000;a34004-Rtd=1&&", "hj212_bad_datatime"),
        (HEAD + "CP=&&DataTime=2026-03-15;a34004-Rtd=1&&", "hj212_bad_datatime"),
    ],
)
def test_what_is_wrong_with_a_segment_is_named(segment: str, code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        Packet.parse(segment.encode())
    assert refusal.value.code == code
    assert refusal.value.reason("zh") != refusal.value.reason("en")


def test_octets_of_no_known_encoding_are_refused() -> None:
    with pytest.raises(Rejected) as refusal:
        Packet.parse(b"CN=2011;MN=\xff\xff;CP=&&&&")
    assert refusal.value.code == "hj212_bad_encoding"


@given(st.binary(max_size=300))
def test_no_segment_raises_anything_but_a_refusal(segment: bytes) -> None:
    for tried in (segment, HEAD.encode() + b"CP=&&" + segment + b"&&"):
        with suppress(Rejected):
            answer_to(Packet.parse(tried))


@pytest.mark.parametrize(
    ("cn", "cp", "answer"),
    [
        ("2011", "DataTime=20260315093000;w01018-Rtd=1", b"CN=9014"),
        ("2021", "DataTime=20260315093000;SB1-RS=1", b"CN=9014"),
        ("3020", "DataTime=20260315093000;i12001-Info=1", b"CN=9014"),
        ("1013", "", b"CN=9013"),
        ("9015", "", b"CN=9013"),
        ("9011", "QnRtn=1", None),
        ("9012", "ExeRtn=1", None),
        ("9014", "", None),
        ("2051", "BeginTime=20260315093000,EndTime=20260315094000", None),
    ],
)
def test_each_command_is_answered_as_the_protocol_says(
    cn: str, cp: str, answer: bytes | None
) -> None:
    frames, _ = frames_of(live(cp, cn=cn))
    assert isinstance(frames[0], Frame)
    reply = answer_to(Packet.parse(frames[0].segment))
    assert reply is None if answer is None else reply is not None and answer in reply


@pytest.mark.parametrize("extra", ["Flag=4", "Flag=8", ""])
def test_who_asks_for_no_answer_gets_none(extra: str) -> None:
    frames, _ = frames_of(live("DataTime=20260315093000;w01018-Rtd=1", extra=extra or "X=1"))
    assert isinstance(frames[0], Frame)
    assert answer_to(Packet.parse(frames[0].segment)) is None


# What becomes readings


def test_live_values_become_a_reading_in_canonical_units() -> None:
    raw = (FRAMES / "s02-air-realtime.txt").read_bytes()
    decoded = decode_hj212(raw)
    ((position, reading),) = decoded.readings
    assert (position, decoded.refused) == (0, [])
    assert reading.ts == to_ms(datetime(2026, 3, 15, 1, 30, tzinfo=UTC))
    assert reading.values["pm25"] == 38
    assert reading.values["pressure"] == 1013.2
    assert set((reading.flags or {}).values()) == {"N"}


def test_only_the_registered_upload_becomes_readings() -> None:
    minute = (FRAMES / "s03-water-minute.txt").read_bytes()
    everything = keys("flow", "ph", "cod", "nh3n")
    taken = decode_hj212(minute, Expected(MN, Upload.MINUTES, everything))
    ((_, reading),) = taken.readings
    assert reading.values == {"flow": 0.0175, "ph": 7.5, "cod": 40.1, "nh3n": 1.26}
    for other in (Upload.LIVE, Upload.HOURS, Upload.DAYS):
        left = decode_hj212(minute, Expected(MN, other, everything))
        assert (left.readings, left.refused) == ([], [])


def test_codes_of_2005_are_understood() -> None:
    ((_, reading),) = decode_hj212((FRAMES / "s07-legacy-2005.txt").read_bytes()).readings
    assert reading.values == {"flow": 0.03691, "cod": 231.0, "nh3n": 1.803, "ph": 7.31}


def test_a_device_fault_is_kept_with_its_flag_and_an_unknown_flag_counts_as_one() -> None:
    ((_, reading),) = decode_hj212((FRAMES / "s08-flag-d.txt").read_bytes()).readings
    assert reading.flags == {"cod": "D", "ph": "N"}
    odd = live("DataTime=20260315093000;w01018-Rtd=3,w01018-Flag=?;w01001-Flag=F")
    ((_, reading),) = decode_hj212(odd).readings
    assert (reading.values, reading.flags) == ({"cod": 3, "ph": None}, {"cod": "D", "ph": "F"})


def test_a_factor_that_is_not_ours_costs_the_others_nothing() -> None:
    raw = (FRAMES / "s14-unknown-factor.txt").read_bytes()
    decoded = decode_hj212(raw, Expected(MN, Upload.LIVE, keys("pm25")))
    assert [reading.values for _, reading in decoded.readings] == [{"pm25": 38.0}]
    assert [(at, why.code, why.value) for at, why in decoded.refused] == [
        (0, "parameter_unknown", "zz9999")
    ]
    stranger = decode_hj212(raw, Expected(MN, Upload.LIVE, keys("pm10")))
    assert [why.code for _, why in stranger.refused] == [
        "parameter_not_measured",
        "parameter_unknown",
    ]


def test_text_in_the_place_of_a_number_is_refused_alone() -> None:
    decoded = decode_hj212(live("DataTime=20260315093000;w01018-Rtd=1e3;w01001-Rtd=7"))
    assert [reading.values for _, reading in decoded.readings] == [{"ph": 7.0}]
    assert [why.code for _, why in decoded.refused] == ["hj212_not_a_number"]


def test_packets_of_one_set_make_one_reading() -> None:
    raw = (FRAMES / "s15-split-packets.txt").read_bytes()
    ((_, reading),) = decode_hj212(raw).readings
    assert reading.values == {"flow": 0.0175, "ph": 7.5, "cod": 40.1}


def test_another_stations_frame_is_refused_under_this_topic() -> None:
    decoded = decode_hj212(GOOD[0], Expected("88888880000001", Upload.LIVE, keys("pm25")))
    assert [why.code for _, why in decoded.refused] == ["sensor_mismatch"]
    assert decoded.readings == []


def test_air_sources_report_in_milligrams() -> None:
    for st_, value in (("22", 9.0), ("31", 9000.0)):
        raw = live("DataTime=20260315093000;a21026-Rtd=9", st=st_)
        assert decode_hj212(raw).readings[0][1].values == {"so2": value}
