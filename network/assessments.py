"""Assessments: aggregates held against the standards, by the edition of their day.

Air (AQI, AQHI), sound (zones), water (classes). All pure: rows and stations in, verdicts out, each
with its edition, its validity and the reason where it has none. Views read the rows.
"""

from network.assessments_air import (
    AirAssessment,
    HealthAssessment,
    RunningMean,
    day_air,
    day_item,
    hour_air,
    hour_health,
    hour_mean,
)
from network.assessments_noise import (
    Attainment,
    NoiseVerdict,
    attainment,
    noise_day,
    zones_of,
)
from network.assessments_rows import (
    INCOMPLETE,
    ITEMS_MISSING,
    NO_DATA,
    Series,
    by_place,
    city_date,
    series,
)
from network.assessments_water import (
    RIVERS,
    BasinAssessment,
    BayAssessment,
    SectionShare,
    WaterAssessment,
    basin_day,
    bay_day,
    classes_on,
    expected_of,
    good_share,
    target_share,
    water_day,
)

__all__ = [
    "INCOMPLETE",
    "ITEMS_MISSING",
    "NO_DATA",
    "RIVERS",
    "AirAssessment",
    "Attainment",
    "BasinAssessment",
    "BayAssessment",
    "HealthAssessment",
    "NoiseVerdict",
    "RunningMean",
    "SectionShare",
    "Series",
    "WaterAssessment",
    "attainment",
    "basin_day",
    "bay_day",
    "by_place",
    "city_date",
    "classes_on",
    "day_air",
    "day_item",
    "expected_of",
    "good_share",
    "hour_air",
    "hour_health",
    "hour_mean",
    "noise_day",
    "series",
    "target_share",
    "water_day",
    "zones_of",
]
