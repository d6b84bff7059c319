"""A bundle's bytes: the same for the same parts, and no change of them goes unseen."""

from __future__ import annotations

import io
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evidence.bundle import (
    MANIFEST,
    SUMS,
    Gap,
    as_json,
    bundle,
    hash_of,
    manifest_of,
    with_sums,
)
from alerts.evidence.verify import Fault, Verified, parts_of, verify

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
PARTS = with_sums(
    {
        "alert.json": as_json({"id": 7, "findings": "噪声超标"}),
        "readings.csv": b"ts,laeq\n1,71.5\n",
        "raw/1.json": b'{ "ts": 1, "values": {"laeq": 71.5}}',
        "raw/2.json": b"",
        "photos/1.jpg": b"\xff\xd8\xff" + bytes(range(256)),
    }
)


def made(parts: dict[str, bytes] = PARTS, changed: dict[str, object] | None = None) -> bytes:
    gaps = [Gap("weather.csv", "附近无气象站", "no weather station near")]
    manifest = manifest_of(parts, alert=7, made=NOON, by="wu", previous="", gaps=gaps)
    return bundle(parts, manifest | (changed or {}))


WHOLE = made()


def repacked(change: dict[str, bytes | None], *, honest: bool = False) -> bytes:
    """The file with parts changed (None: removed); honest: with sums and manifest made anew."""
    parts = {**parts_of(WHOLE), **change}
    kept = {name: content for name, content in parts.items() if content is not None}
    if honest:
        return made(with_sums({n: c for n, c in kept.items() if n not in (MANIFEST, SUMS)}))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in sorted(kept.items()):
            archive.writestr(zipfile.ZipInfo(name), content)
    return target.getvalue()


def kinds(found: Verified) -> dict[str, str]:
    return {fault.part: fault.kind for fault in found.faults}


def test_the_same_parts_are_the_same_file_to_the_byte() -> None:
    assert made(dict(reversed(PARTS.items()))) == WHOLE
    found = verify(WHOLE)
    assert found.faults == ()
    assert (found.manifest["alert"], found.manifest["by"]) == (7, "wu")
    assert found.manifest["hash"] == hash_of(found.manifest)
    assert parts_of(WHOLE) == {**PARTS, MANIFEST: as_json(found.manifest)}


def test_standard_tools_check_it(tmp_path: Path) -> None:
    """As docs/evidence.md tells a court: unzip, sha256sum."""
    (tmp_path / "e.zip").write_bytes(WHOLE)
    zipfile.ZipFile(tmp_path / "e.zip").extractall(tmp_path)
    run = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == len(PARTS) - 1
    (tmp_path / "readings.csv").write_bytes(b"ts,laeq\n1,69.5\n")
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "readings.csv: FAILED" in done.stdout) == (1, True)


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
@settings(max_examples=600)
def test_any_bit_that_is_flipped_is_seen(at: int, bit: int) -> None:
    changed = bytearray(WHOLE)
    changed[at] ^= 1 << bit
    assert verify(bytes(changed)).faults


def test_every_byte_counts() -> None:
    """Not a sample: each byte of the file, one after the other."""
    for at in range(len(WHOLE)):
        changed = bytearray(WHOLE)
        changed[at] ^= 0xFF
        assert verify(bytes(changed)).faults, at


@given(length=st.integers(0, len(WHOLE) - 1), tail=st.binary(max_size=40))
def test_a_file_that_is_cut_or_goes_on_is_seen(length: int, tail: bytes) -> None:
    assert verify(WHOLE[:length]).faults
    assert verify(WHOLE[:length] + tail).faults or WHOLE[:length] + tail == WHOLE
    if tail:
        assert verify(WHOLE + tail).faults
        assert verify(tail + WHOLE).faults


@given(content=st.binary(max_size=400))
def test_whatever_else_a_file_may_be_it_is_told_and_nothing_breaks(content: bytes) -> None:
    assert verify(content).faults


def test_an_altered_part_is_named_with_what_was_expected() -> None:
    altered = PARTS["readings.csv"].replace(b"71.5", b"69.5")
    (fault,) = verify(repacked({"readings.csv": altered})).faults
    assert (fault.part, fault.kind) == ("readings.csv", "altered")
    (listed,) = (p for p in verify(WHOLE).manifest["parts"] if p["name"] == "readings.csv")
    assert fault.expected == f"SHA-256 {listed['sha256']}, 15 bytes"
    assert listed["sha256"] not in fault.found


def test_added_removed_renamed_and_exchanged_parts_are_named() -> None:
    assert kinds(verify(repacked({"raw/3.json": b"{}"}))) == {"raw/3.json": "added"}
    assert kinds(verify(repacked({"photos/1.jpg": None}))) == {"photos/1.jpg": "removed"}
    moved = {"raw/1.json": None, "raw/9.json": PARTS["raw/1.json"]}
    assert verify(repacked(moved)).faults == (
        Fault("raw/1.json", "renamed", "the name raw/1.json", "raw/9.json"),
    )
    swapped = {"raw/1.json": PARTS["raw/2.json"], "raw/2.json": PARTS["raw/1.json"]}
    assert kinds(verify(repacked(swapped))) == {"raw/1.json": "altered", "raw/2.json": "altered"}
    assert kinds(verify(repacked({MANIFEST: None}))) == {MANIFEST: "removed"}


def test_a_part_that_is_there_twice_is_seen() -> None:
    target = io.BytesIO(WHOLE)
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(target, "a") as archive,
    ):
        archive.writestr(zipfile.ZipInfo("readings.csv"), b"ts,laeq\n1,50\n")
    assert kinds(verify(target.getvalue()))["readings.csv"] == "added"


def test_the_same_parts_packed_by_another_tool_are_seen_as_repacked() -> None:
    (fault,) = verify(repacked({})).faults
    assert (fault.part, fault.kind) == ("file", "altered")


@pytest.mark.parametrize(
    "change",
    [
        {"made": "2026-11-25T04:00:00+00:00"},
        {"by": "li"},
        {"alert": 8},
        {"missing": []},
        {"previous": "0" * 64},
        {"parts": []},
        {"parts": [{"name": "x", "bytes": "y", "sha256": 1}]},
        {"parts": None},
        {"format": "onenet-evidence/2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_manifest_is_seen(change: dict[str, object]) -> None:
    assert kinds(verify(made(changed=change)))[MANIFEST] == "altered"


def test_a_bundle_made_anew_is_whole_and_another() -> None:
    """What a file alone cannot tell: only its SHA-256, kept elsewhere, does."""
    forged = repacked({"readings.csv": b"ts,laeq\n1,50\n"}, honest=True)
    assert verify(forged).faults == ()
    assert verify(forged).sha256 != verify(WHOLE).sha256
