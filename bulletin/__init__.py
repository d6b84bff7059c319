"""The bulletin: what the views know of a month or a year, as a bilingual page and as paper."""

from bulletin.contents import Area, Bulletin, area_of, areas, compile_bulletin
from bulletin.files import (
    FORMATS,
    LANGUAGES,
    Request,
    path_of,
    put,
    render,
    reports_folder,
    request_of,
    there,
    write,
)
from bulletin.spans import name_of, span_of

__all__ = [
    "FORMATS",
    "LANGUAGES",
    "Area",
    "Bulletin",
    "Request",
    "area_of",
    "areas",
    "compile_bulletin",
    "name_of",
    "path_of",
    "put",
    "render",
    "reports_folder",
    "request_of",
    "span_of",
    "there",
    "write",
]
