"""What of the standard this service claims: requirements that tests show, and no other.

docs/sensorthings.md has them in a table, each with its test, and a test compares the two.
"""

from __future__ import annotations

_SPEC = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
CONFORMANCE = [
    _SPEC + requirement
    for requirement in (
        "datamodel",
        "resource-path/resource-path-to-entities",
        "request-data/status-code",
        "request-data/query-status-code",
        "request-data/order",
        "request-data/expand",
        "request-data/select",
        "request-data/orderby",
        "request-data/top",
        "request-data/skip",
        "request-data/count",
        "request-data/filter",
        "request-data/built-in-filter-operations",
        "request-data/pagination",
    )
]
