"""Read models of the one network: what boards, pages and the API show, ready to be shown.

The views put observations, aggregates, assessments, alerts and the account side by side; what a
number means and when it is invalid is in docs/views.md. Times are UTC; whoever shows them turns
them to the city's time.
"""

from network.views.calendar import CHOICES, CalendarView, calendar_view
from network.views.chiefs import ChiefLine, Chiefs, chiefs_view
from network.views.city import AccountTotals, CityBoard, account_totals, city_board
from network.views.facilities import Facility, facilities
from network.views.limits import LimitSpan
from network.views.ranking import Ranking, ranking
from network.views.states import Current, StationState
from network.views.station import StationView, station_view
from network.views.targets import Targets, targets
from network.views.waterways import BasinView, BayView, basin_view, bay_view

__all__ = [
    "CHOICES",
    "AccountTotals",
    "BasinView",
    "BayView",
    "CalendarView",
    "ChiefLine",
    "Chiefs",
    "CityBoard",
    "Current",
    "Facility",
    "LimitSpan",
    "Ranking",
    "StationState",
    "StationView",
    "Targets",
    "account_totals",
    "basin_view",
    "bay_view",
    "calendar_view",
    "chiefs_view",
    "city_board",
    "facilities",
    "ranking",
    "station_view",
    "targets",
]
