"""A bundle as bytes: parts and their manifest in a ZIP that is the same for the same parts. Pure.

Nothing is compressed and nothing of the moment or the machine gets in, so that whoever has the
parts can make the very same file again: any byte of it that was changed then shows.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FORMAT = "onenet-evidence/1"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that evidence should have and that this bundle lacks, or has only in part."""

    part: str
    zh: str
    en: str


def as_json(value: object) -> bytes:
    """JSON for people and for hashes: one text for one content."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def with_sums(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The parts and the list that `sha256sum -c` takes."""
    lines = [f"{sha256(content)}  {name}\n" for name, content in sorted(parts.items())]
    return {**parts, SUMS: "".join(lines).encode()}


def manifest_of(
    parts: Mapping[str, bytes],
    *,
    alert: int,
    made: datetime,
    by: str,
    previous: str,
    gaps: Sequence[Gap],
) -> dict[str, Any]:
    """What is in a bundle. previous: SHA-256 of the bundle before it, empty for the first."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "alert": alert,
        "made": made.isoformat(),
        "by": by,
        "previous": previous,
        "parts": [
            {"name": name, "bytes": len(content), "sha256": sha256(content)}
            for name, content in sorted(parts.items())
        ],
        "missing": [{"part": gap.part, "zh": gap.zh, "en": gap.en} for gap in gaps],
    }
    return content | {"hash": hash_of(content)}


def hash_of(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest, its own field `hash` left out."""
    return sha256(as_json({key: value for key, value in manifest.items() if key != "hash"}))


def packed(parts: Mapping[str, bytes]) -> bytes:
    """The ZIP, the parts in order of their names."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(parts.items()):
            entry = zipfile.ZipInfo(name, NO_TIME)
            entry.create_system = 3  # whichever system it is made on
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return target.getvalue()


def bundle(parts: Mapping[str, bytes], manifest: Mapping[str, Any]) -> bytes:
    """The file: parts and manifest."""
    return packed({**parts, MANIFEST: as_json(manifest)})
