"""Read models of the one network: what boards, pages and the API show, ready to be shown.

The views put observations, aggregates, assessments, alerts and the account side by side; what a
number means and when it is invalid is in docs/views.md. Times are UTC; whoever shows them turns
them to the city's time.
"""

from network.views.air_span import AirDays, AirSpan, PollutantSpan, air_span
from network.views.alerts_span import AlertSpan, alert_span
from network.views.calendar import (
    CHOICES,
    CalendarDay,
    CalendarView,
    calendar_day,
    calendar_view,
)
from network.views.chiefs import ChiefLine, Chiefs, chiefs_view
from network.views.city import AccountTotals, CityBoard, account_totals, city_board
from network.views.city_air import CityAir, city_air
from network.views.credit import Credit, Deduction, credit_rules
from network.views.enforcement import Enforcement, Offender, enforcement
from network.views.facilities import Facility, FacilityRecord, facilities, facility_record
from network.views.limits import LimitSpan
from network.views.noise_span import NoiseSpan, noise_span
from network.views.owners import Constancy, OwnersPair, OwnersView, owners_view
from network.views.owners_span import Compared, LoudSpan, compared, loud
from network.views.quality_span import QualitySpan, quality_span
from network.views.ranking import Ranking, ranking
from network.views.samples import JudgedSample, PlotView, judged_samples, plot_view
from network.views.soil import GroundwaterView, SoilView, groundwater_view, soil_view
from network.views.soil_span import SoilMean, soil_span
from network.views.spans import Reported, month_reported, year_reported
from network.views.states import Current, StationState
from network.views.station import StationView, station_view
from network.views.targets import Targets, targets
from network.views.water_span import WaterSpan, water_span
from network.views.waterways import BasinView, BayView, basin_view, bay_view

__all__ = [
    "CHOICES",
    "AccountTotals",
    "AirDays",
    "AirSpan",
    "AlertSpan",
    "BasinView",
    "BayView",
    "CalendarDay",
    "CalendarView",
    "ChiefLine",
    "Chiefs",
    "CityAir",
    "CityBoard",
    "Compared",
    "Constancy",
    "Credit",
    "Current",
    "Deduction",
    "Enforcement",
    "Facility",
    "FacilityRecord",
    "GroundwaterView",
    "JudgedSample",
    "LimitSpan",
    "LoudSpan",
    "NoiseSpan",
    "Offender",
    "OwnersPair",
    "OwnersView",
    "PlotView",
    "PollutantSpan",
    "QualitySpan",
    "Ranking",
    "Reported",
    "SoilMean",
    "SoilView",
    "StationState",
    "StationView",
    "Targets",
    "WaterSpan",
    "account_totals",
    "air_span",
    "alert_span",
    "basin_view",
    "bay_view",
    "calendar_day",
    "calendar_view",
    "chiefs_view",
    "city_air",
    "city_board",
    "compared",
    "credit_rules",
    "enforcement",
    "facilities",
    "facility_record",
    "groundwater_view",
    "judged_samples",
    "loud",
    "month_reported",
    "noise_span",
    "owners_view",
    "plot_view",
    "quality_span",
    "ranking",
    "soil_span",
    "soil_view",
    "station_view",
    "targets",
    "water_span",
    "year_reported",
]
