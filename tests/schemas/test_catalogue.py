"""The catalogue of parameters: complete, consistent, and extended by data alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from schemas import Medium, catalogue, load_catalogue


@pytest.mark.parametrize("parameter", list(catalogue()), ids=lambda p: p.key)
def test_every_parameter_can_be_shown_and_judged(parameter) -> None:
    assert parameter.zh
    assert parameter.en
    assert parameter.unit
    assert parameter.media
    low, high = parameter.range
    assert low < high
    assert (high - low) / parameter.resolution < 1e9


def test_every_medium_measures_something() -> None:
    for medium in Medium:
        assert catalogue().of_medium(medium)


def test_quality_thresholds_are_those_of_the_cadence() -> None:
    laeq = catalogue()["laeq"]
    by_second, by_hour = laeq.qc_for(1), laeq.qc_for(3600)
    assert by_second is not None
    assert by_hour is not None
    assert by_second.spike_bad != by_hour.spike_bad
    assert laeq.qc_for(60) == laeq.qc_for(30)
    assert laeq.qc_for(86_400) is None, "no threshold is guessed for a cadence that nobody stated"


def test_a_parameter_that_makes_no_sense_is_refused_with_its_key(tmp_path: Path) -> None:
    entry = {"zh": "照度", "en": "Illuminance", "unit": "lx", "media": ["air"], "resolution": 1}
    path = tmp_path / "parameters.yaml"
    path.write_text(yaml.safe_dump({"illuminance": {**entry, "range": [5, 5]}}), "utf-8")
    with pytest.raises(ValidationError, match="illuminance"):
        load_catalogue(path)
