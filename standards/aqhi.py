"""Air Quality Health Index of Hong Kong: the added risk of hospital admission, in eleven bands.

Coefficients and bands are data (`tables/aqhi-hk.yaml`); the exponential is decimal too. The input
are means of the last three hours (`standards.air_means.running_mean`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from standards.aqi import taken_as
from standards.editions import Edition
from standards.rounding import Number, exact, plain, revise
from standards.rows import Assessor, Row, measured


@dataclass(frozen=True, slots=True)
class HealthIndex:
    """The index of one place and hour.

    aqhi: 1 to 10, or 10+. band: 1 to 11, to compare. risk: key of the category, with its names.
    added_risk: in percent, unrevised. terms: what each pollutant adds; of the particulates only the
    one that counts is in it.
    """

    edition: str
    aqhi: str
    band: int
    risk: str
    risk_names: Mapping[str, str]
    added_risk: Decimal
    terms: Mapping[str, Decimal]


def added_risk(values: Mapping[str, Number | None], edition: Edition) -> dict[str, Decimal] | None:
    """What each pollutant adds to the risk, in percent: 100 (exp(beta c) - 1).

    values: 3 h means in ug/m3 by pollutant. Of PM10 and PM2.5 the larger term counts. None when
    ozone, NO2, SO2 or both particulates are lacking: a sum without one of them would be too low.
    """
    beta = edition.tables["beta"]
    terms: dict[str, Decimal] = {}
    for name in beta:
        value = values.get(name)
        if value is not None:
            concentration = exact(value)
            if concentration < 0:
                raise ValueError(f"{name}: a concentration is not below 0, but {concentration}")
            terms[name] = 100 * ((beta[name] * concentration).exp() - 1)
    particulates = [name for name in edition.tables["particulates"] if name in terms]
    needed = edition.tables["needed"]
    if not particulates or any(name not in terms for name in needed):
        return None
    counting = max(particulates, key=lambda name: terms[name])
    return {name: terms[name] for name in (*needed, counting)}


def aqhi(values: Mapping[str, Number | None], edition: Edition) -> HealthIndex | None:
    """The index from 3 h means in ug/m3; None when a pollutant is lacking."""
    terms = added_risk(values, edition)
    if terms is None:
        return None
    total = sum(terms.values(), Decimal(0))
    bands = edition.tables["bands"]
    at = next(n for n, band in enumerate(bands) if band["max"] is None or total <= band["max"])
    risk = bands[at]["risk"]
    return HealthIndex(
        edition=edition.id,
        aqhi=bands[at]["index"],
        band=at + 1,
        risk=risk,
        risk_names=edition.tables["risks"][risk],
        added_risk=total,
        terms=terms,
    )


def _assess(row: Row, edition: Edition) -> Mapping[str, str]:
    found: dict[str, Number | None] = {}
    for name in edition.tables["beta"]:
        cell = measured(row, name)
        found[name] = None if cell is None else taken_as(cell)
    index = aqhi(found, edition)
    if index is None:
        return {}
    risk = revise(index.added_risk, edition.tables["added_risk_places"])
    return {"aqhi": index.aqhi, "risk": index.risk, "added_risk": plain(risk)}


AQHI = Assessor(family="aqhi", results=("aqhi", "risk", "added_risk"), assess=_assess)
"""One row an hour: means of the last three hours of no2, so2, o3, pm10, pm25 in ug/m3."""
