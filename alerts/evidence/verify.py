"""Whether a bundle is what was frozen: every part, every name, every byte. Pure; needs no registry.

A file alone proves that nothing in it was changed by accident or by hand; whoever makes a whole new
bundle, hashes and all, is found only by its SHA-256 in the registry, in its audit log, or on paper
(`alerts.evidence.chain`).
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts.evidence.bundle import FORMAT, MANIFEST, as_json, hash_of, packed, sha256

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,  # a flag says that it is encrypted
    UnicodeError,
    ValueError,
    OSError,
    EOFError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a bundle is not what it should be. kind: altered, added, removed, renamed, broken."""

    part: str
    kind: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.part}: {self.kind}; expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Verified:
    """sha256: of the file as it is. manifest: empty where it cannot be read."""

    sha256: str
    manifest: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def verify(content: bytes) -> Verified:
    """Every fault of a bundle, in order of parts; none when it is whole."""
    own = sha256(content)
    try:
        found, unreadable, faults = _read(content)
    except _BROKEN as error:
        return Verified(own, {}, (Fault("file", "broken", "a whole ZIP file", str(error)),))
    manifest = _manifest(found.get(MANIFEST), faults)
    if manifest:
        faults += _differences(manifest, found, unreadable)
    faults += [
        Fault(name, "altered", "content that fits its checksum", why)
        for name, why in unreadable.items()
        if name not in {fault.part for fault in faults}
    ]
    if not faults and packed(found) != content:
        faults.append(_of_container(packed(found), content))
    return Verified(own, manifest, tuple(sorted(faults, key=lambda f: f.part)))


def _read(content: bytes) -> tuple[dict[str, bytes], dict[str, str], list[Fault]]:
    """Parts by name, why some cannot be read, and those that are there twice."""
    found: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    faults: list[Fault] = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            name = entry.filename
            if name in found:
                faults.append(Fault(name, "added", "one part of this name", "two"))
                continue
            try:
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(content):
                    raise zipfile.BadZipFile("not stored as it is")
                found[name] = archive.read(entry)
            except _BROKEN as error:
                found[name], unreadable[name] = b"", str(error)
    return found, unreadable, faults


def _manifest(content: bytes | None, faults: list[Fault]) -> dict[str, Any]:
    """The manifest, as far as it can be trusted to name the parts; its own faults are added."""
    if content is None:
        faults.append(Fault(MANIFEST, "removed", "a manifest", "none"))
        return {}
    try:
        manifest = json.loads(content)
        parts = {str(p["name"]): (int(p["bytes"]), str(p["sha256"])) for p in manifest["parts"]}
        known, stated, again = manifest["format"], str(manifest["hash"]), as_json(manifest)
        actual = hash_of(manifest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        faults.append(Fault(MANIFEST, "altered", "a manifest in JSON", str(error) or "nothing"))
        return {}
    if known != FORMAT:
        faults.append(Fault(MANIFEST, "altered", f"format {FORMAT}", str(known)))
    if actual != stated:
        faults.append(Fault(MANIFEST, "altered", f"SHA-256 {stated}", actual))
    elif again != content or len(parts) != len(manifest["parts"]):
        faults.append(Fault(MANIFEST, "altered", "the text as it was written", "another layout"))
    return dict(manifest)


def _differences(
    manifest: Mapping[str, Any], found: Mapping[str, bytes], unreadable: Mapping[str, str]
) -> list[Fault]:
    expected = {p["name"]: (p["sha256"], p["bytes"]) for p in manifest["parts"]}
    extra = {name: sha256(found[name]) for name in found if name not in {*expected, MANIFEST}}
    faults = []
    for name, (digest, size) in expected.items():
        told = f"SHA-256 {digest}, {size} bytes"
        if name not in found:
            renamed = next((other for other, own in extra.items() if own == digest), None)
            if renamed is None:
                faults.append(Fault(name, "removed", told, "nothing"))
            else:
                del extra[renamed]
                faults.append(Fault(name, "renamed", f"the name {name}", renamed))
        elif name in unreadable or sha256(found[name]) != digest:
            own = f"SHA-256 {sha256(found[name])}, {len(found[name])} bytes"
            now = unreadable.get(name, own)
            faults.append(Fault(name, "altered", told, now))
    return faults + [
        Fault(name, "added", "no such part", f"SHA-256 {own}") for name, own in extra.items()
    ]


def _of_container(expected: bytes, found: bytes) -> Fault:
    """All parts are right, and something around them is not: a date, an order, a comment."""
    pairs = enumerate(zip(expected, found, strict=False))
    at = next((n for n, (a, b) in pairs if a != b), min(len(expected), len(found)))
    return Fault(
        "file",
        "altered",
        f"{len(expected)} bytes as they are packed",
        f"{len(found)} bytes, other ones from byte {at} on",
    )


def parts_of(content: bytes) -> dict[str, bytes]:
    """The parts of a bundle that was verified, by name. Raises BadZipFile."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}
