"""Grafana boards and alert rules as code: typed, from catalogue and registry, exported or pushed.

The data come from InfluxDB and the registry's views; nothing here reads them. A board is a function
of the `City` that it shows, and stands in `BOARDS`; alert rules stand in `rule_groups`.
"""

from dashboards.boards import BOARDS, to_json
from dashboards.city import City
from dashboards.files import export, follow
from dashboards.grafana import Pushed, diff, push
from dashboards.network_rules import rule_groups
from dashboards.notify import Addresses
from dashboards.standing import Change

__all__ = [
    "BOARDS",
    "Addresses",
    "Change",
    "City",
    "Pushed",
    "diff",
    "export",
    "follow",
    "push",
    "rule_groups",
    "to_json",
]
