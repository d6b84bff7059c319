"""Indices: entries of their own, which no sensor can send and no catalogue can shadow."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from schemas import catalogue, indices, load_catalogue
from schemas.indices import load_indices


def test_every_index_has_names_and_a_unit_and_is_no_parameter() -> None:
    for key, index in indices().items():
        assert index.zh
        assert index.en
        assert index.unit
        assert key not in catalogue()
        assert index.of == "" or index.of in catalogue() or index.kind == "share"


def test_a_catalogue_with_a_parameter_named_like_an_index_is_refused(tmp_path: Path) -> None:
    entry = {"zh": "甲", "en": "A", "unit": "1", "media": ["air"], "range": [0, 1], "resolution": 1}
    file = tmp_path / "parameters.yaml"
    file.write_text(yaml.safe_dump({"aqi": entry}, allow_unicode=True), "utf-8")
    with pytest.raises(ValueError, match="names parameters like indices: aqi"):
        load_indices(load_catalogue(file))
