"""The city's data by OGC SensorThings API 1.1, Sensing, read only, at `/sensorthings/v1.1`.

From an address to an answer: `paths` and `options` (with `filters`) read it, `entities` and
`observed` know what there is, `selecting` and `scanning` choose, `telling` tells. `model` is the
standard's table of entities. See docs/sensorthings.md.
"""

from console.sensorthings.refusals import READ_ONLY, told
from console.sensorthings.routes import PREFIX, add_sensorthings

__all__ = ["PREFIX", "READ_ONLY", "add_sensorthings", "told"]
