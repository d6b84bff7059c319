"""Grafana boards as code: typed, generated from the catalogue and the registry, written or pushed.

The data come from InfluxDB; nothing here reads them. A board is a function of the `City` that it
shows, and stands in `BOARDS`.
"""

from dashboards.boards import BOARDS, to_json
from dashboards.city import City
from dashboards.files import write
from dashboards.grafana import Pushed, push

__all__ = ["BOARDS", "City", "Pushed", "push", "to_json", "write"]
