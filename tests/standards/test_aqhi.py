"""The health index of Hong Kong: sums of risks, bands at their bounds, and what is lacking."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from math import expm1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards.aqhi import AQHI, added_risk, aqhi
from standards.assess import assess_rows
from standards.editions import edition

HK = edition("aqhi", on=date(2026, 11, 1))
CLEAN = {"no2": 0, "so2": 0, "o3": 0, "pm10": 0, "pm25": 0}
CONCENTRATIONS = st.decimals(0, 600, places=1)
POLLUTED = st.fixed_dictionaries(dict.fromkeys(CLEAN, CONCENTRATIONS))


def test_the_added_risk_is_the_sum_of_the_exponentials():
    index = aqhi({"no2": 60, "so2": 8, "o3": 90, "pm10": 50, "pm25": 30}, HK)
    by_floats = 100 * sum(
        expm1(beta * c)
        for beta, c in [
            (0.0004462559, 60),
            (0.0001393235, 8),
            (0.0005116328, 90),
            (2.821751e-4, 50),
        ]
    )
    assert float(index.added_risk) == pytest.approx(by_floats, rel=1e-12)
    assert (index.aqhi, index.band, index.risk) == ("5", 5, "moderate")
    assert index.risk_names == {"zh": "中", "en": "moderate"}


def test_only_the_larger_of_the_two_particulate_terms_counts():
    coarse = added_risk({**CLEAN, "pm10": 100, "pm25": 100}, HK)
    fine = added_risk({**CLEAN, "pm10": 20, "pm25": 100}, HK)
    assert set(coarse) == {"no2", "so2", "o3", "pm10"}
    assert set(fine) == {"no2", "so2", "o3", "pm25"}


@pytest.mark.parametrize("absent", ["no2", "so2", "o3"])
def test_without_a_gas_there_is_no_index(absent):
    assert aqhi({**CLEAN, absent: None}, HK) is None


def test_one_particulate_is_enough_and_none_is_not():
    assert aqhi({**CLEAN, "pm10": None}, HK).aqhi == "1"
    assert aqhi({**CLEAN, "pm25": None}, HK).aqhi == "1"
    assert aqhi({**CLEAN, "pm10": None, "pm25": None}, HK) is None


@pytest.mark.parametrize("band", HK.tables["bands"][:-1], ids=lambda b: b["index"])
def test_a_band_includes_its_upper_bound(band):
    beta = HK.tables["beta"]["o3"]
    bound = (1 + band["max"] / 100).ln() / beta
    place = HK.tables["bands"].index(band)
    assert aqhi({**CLEAN, "o3": bound - Decimal("1e-9")}, HK).band == place + 1
    assert aqhi({**CLEAN, "o3": bound + Decimal("1e-9")}, HK).band == place + 2


@given(POLLUTED, st.sampled_from(sorted(CLEAN)), CONCENTRATIONS)
def test_more_of_a_pollutant_never_lowers_the_index(values, name, more):
    before = aqhi(values, HK)
    after = aqhi({**values, name: values[name] + more}, HK)
    assert after.added_risk >= before.added_risk
    assert after.band >= before.band


def test_rows_come_back_with_index_risk_and_added_risk():
    rows = [
        {"no2": "60", "so2": "8", "o3": "90", "pm10": "50", "pm25": "30"},
        {"no2": "300", "so2": "8", "o3": "200", "pm10": "50", "pm25": "30"},
        {"no2": "60", "so2": "8", "o3": "", "pm10": "50", "pm25": "30"},
        {"no2": "60", "so2": "8", "o3": "-5", "pm10": "50", "pm25": "30"},
    ]
    first, second, third, fourth = assess_rows(rows, AQHI, named=None, on=date(2026, 11, 1))
    assert (first["aqhi"], first["risk"], first["added_risk"]) == ("5", "moderate", "8.96")
    assert (second["aqhi"], second["risk"]) == ("10+", "serious")
    assert (third["aqhi"], third["error"]) == ("", "")
    assert fourth["error"].startswith("o3 = '-5': not below 0")
