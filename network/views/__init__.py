"""Read models of the one network: what boards, pages and the API show, ready to be shown.

The views put observations, aggregates, assessments, alerts and the account side by side; what a
number means and when it is invalid is in docs/views.md. Times are UTC; whoever shows them turns
them to the city's time.
"""

from network.views.city import AccountTotals, CityBoard, account_totals, city_board
from network.views.limits import LimitSpan
from network.views.states import Current, StationState
from network.views.station import StationView, station_view

__all__ = [
    "AccountTotals",
    "CityBoard",
    "Current",
    "LimitSpan",
    "StationState",
    "StationView",
    "account_totals",
    "city_board",
    "station_view",
]
