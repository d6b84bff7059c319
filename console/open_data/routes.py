"""Open data for programs: tables as CSV and Parquet, what they hold, and under which terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from console.open_data.choice import (
    DAYS_AT_MOST,
    OBSERVED_DAYS_AT_MOST,
    ROWS_AT_MOST,
    aggregates_asked,
    observations_asked,
)
from console.open_data.columns import csvw, schema_of, tables
from console.open_data.files import csv_parts, parquet_parts
from console.open_data.page import add_page
from console.open_data.published import LISTS, Published
from console.open_data.question import Asked, AskedAggregates
from console.open_data.rows import aggregate_rows, observation_rows
from console.open_data.terms import terms
from console.painter import Painter
from console.security import require
from console.sources import Sources

FileFormat = Literal["csv", "parquet"]
ListName = Literal["stations", "channels", "parameters"]
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
WRONG: dict[int | str, dict[str, Any]] = {
    400: {"description": "every problem of the question: field, value, both texts"}
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The table.", "content": {kind: {} for kind in MEDIA_TYPES.values()}}
}


def add_open_data(app: FastAPI, sources: Sources, painter: Painter) -> None:
    """Add page and downloads to the application."""
    terms()  # a file that is none fails at start, not at the first request
    router = APIRouter(dependencies=[Depends(require("board.read"))])
    add_page(router, sources, painter)
    _add_descriptions(router)
    _add_downloads(router, sources)
    app.include_router(router)


def _add_descriptions(router: APIRouter) -> None:
    @router.get("/api/open-data", response_description="Tables, columns, limits and terms.")
    def described() -> JSONResponse:
        """What is published, how each column is read, how much is given at once, on which terms."""
        whole = {
            table: {
                "columns": [{"name": n, **c.model_dump()} for n, c in columns.items()],
                "files": [f"/api/open-data/{table}.{form}" for form in MEDIA_TYPES],
                "csvw": f"/api/open-data/{table}.csv-metadata.json",
            }
            for table, columns in tables().items()
        }
        limits = {
            "days": {str(period): days for period, days in DAYS_AT_MOST.items()}
            | {"observations": OBSERVED_DAYS_AT_MOST},
            "rows": ROWS_AT_MOST,
        }
        more = {"openapi": "/openapi.json", "sensorthings": "/sensorthings/v1.1"}
        return JSONResponse(
            {"terms": terms().model_dump(), "tables": whole, "limits": limits, **more}
        )

    @router.get(
        "/api/open-data/{table}.csv-metadata.json",
        response_description="CSV on the Web metadata.",
        responses={404: {"description": "no such table"}},
    )
    def metadata(table: str) -> JSONResponse:
        """The columns of a table as W3C's CSV on the Web describes them."""
        if table not in tables():
            raise HTTPException(404, f"table: one of {', '.join(tables())}")
        return JSONResponse(csvw(table, terms()), media_type="application/csvm+json")


def _add_downloads(router: APIRouter, sources: Sources) -> None:
    @router.get("/api/open-data/aggregates.{form}", responses={**FILE, **WRONG})
    def aggregates(
        request: Request, form: FileFormat, asked: Annotated[AskedAggregates, Query()]
    ) -> StreamingResponse:
        """Hourly to yearly aggregates and indices of stations and areas."""
        known = Published.of(sources.registry)
        choice = aggregates_asked(asked, request.query_params, known)
        rows = aggregate_rows(choice, known, sources.store)
        name = f"{choice.period}-{choice.level}-{asked.first}-{asked.last}"
        return _download("aggregates", form, rows, name)

    @router.get("/api/open-data/observations.{form}", responses={**FILE, **WRONG})
    def observations(
        request: Request, form: FileFormat, asked: Annotated[Asked, Query()]
    ) -> StreamingResponse:
        """Single observations of the government's sensors, each with its quality flag."""
        known = Published.of(sources.registry)
        choice = observations_asked(asked, request.query_params, known)
        rows = observation_rows(choice, known, sources.store)
        return _download("observations", form, rows, f"{asked.first}-{asked.last}")

    @router.get("/api/open-data/{table}.{form}", responses=FILE)
    def lists(table: ListName, form: FileFormat) -> StreamingResponse:
        """Stations, channels (a parameter of a sensor), or parameters and indices, all of them."""
        rows = LISTS[table](Published.of(sources.registry))
        return _download(table, form, [rows], f"{sources.clock.now():%Y-%m-%d}")


def _download(
    table: str, form: FileFormat, frames: Iterable[pl.DataFrame], name: str
) -> StreamingResponse:
    schema = schema_of(table)
    parts = (
        csv_parts(frames, schema)
        if form == "csv"
        else parquet_parts(
            frames, schema, {"license": terms().url, "rights": terms().attribution.en}
        )
    )
    described = f'</api/open-data/{table}.csv-metadata.json>; rel="describedby"'
    return StreamingResponse(
        _begun(parts),
        media_type=MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="onenet-{table}-{name}.{form}"',
            "Link": f'{described}; type="application/csvm+json", <{terms().url}>; rel="license"',
        },
    )


def _begun(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts, the first two made already: a store that is away is told before a file begins."""
    first = [part for _, part in zip(range(2), parts, strict=False)]
    return chain(first, parts)
