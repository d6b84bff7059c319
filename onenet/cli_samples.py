"""The command `onenet samples`: tables of laboratories in, lists and tables of samples out."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from network.assessments_samples import Assessment
from network.assessments_soil import SoilAssessment
from onenet.settings import Settings
from schemas import CITY_TIME, SystemClock
from schemas.samples import Sample, SampleMedium

app = typer.Typer(help="Samples of laboratories: import, list, show, export.", no_args_is_help=True)
PIPED_WIDTH = 160
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)

EXPORTED = (
    *("sample", "station", "medium", "taken", "depth_from", "depth_to"),
    *("laboratory", "sample_remark", "determinand", "value", "unit", "limit", "method", "remark"),
    *("revision", "recorded"),
)

_Station = Annotated[str | None, typer.Option(help="Only this plot, well or section.")]
_Medium = Annotated[SampleMedium | None, typer.Option(help="Only this medium.")]
_Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Taken on this day or later.")
]
_Until = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Taken on this day or before.")
]


@app.command("import")
def samples_import(
    source: Annotated[Path, typer.Argument(help="CSV, long or wide; see docs/samples.md.")],
    dry_run: Annotated[bool, typer.Option(help="Only say what would be done.")] = False,
    station: Annotated[str, typer.Option(help="Where the table has no such column.")] = "",
    taken: Annotated[str, typer.Option(help="The same; a date or time.")] = "",
    laboratory: Annotated[str, typer.Option(help="The same.")] = "",
    ignore: Annotated[
        list[str] | None, typer.Option(help="A column to pass over; may be repeated.")
    ] = None,
) -> None:
    """Take the samples of a laboratory's table, all or none; again changes nothing.

    A row a result (determinand, value, unit) or a row a sample with a column for each determinand.
    A known sample with other results becomes a new revision; the earlier one is kept.
    """
    from ingest.lab import read_lab_file
    from registry import open_registry
    from registry.samples import add_samples

    registry, now = open_registry(Settings().registry_url), SystemClock().now()
    given = {"station": station, "taken": taken, "laboratory": laboratory}
    found = read_lab_file(
        source,
        registry.stations(),
        now=now,
        given={name: value for name, value in given.items() if value},
        ignore=ignore or (),
    )
    if found.problems:
        for problem in found.problems:
            typer.echo(problem, err=True)
        raise ValueError(f"{len(found.problems)} problems, nothing was taken from {source}")
    added = add_samples(registry, found.samples, at=now, dry_run=dry_run, who="system:import")
    below = sum(result.below for result in found.results)
    lines = [
        f"{len(found.samples)} samples, {len(found.results)} results, {below} below detection",
        f"{'would be ' if dry_run else ''}new {len(added.new)}, revised {len(added.revised)}, "
        f"unchanged {len(added.unchanged)}",
        *(f"converted {count} from {units}" for units, count in found.converted.items()),
    ]
    if found.ignored:
        lines.append(f"not read: {', '.join(found.ignored)}")
    out.print("\n".join(lines), markup=False, highlight=False)


@app.command("list")
def samples_list(
    station: _Station = None,
    medium: _Medium = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
) -> None:
    """List samples, the newest first, with their verdicts."""
    from network.assessments_samples import assess_sample
    from registry import open_registry

    registry = open_registry(Settings().registry_url)
    stations = registry.stations()
    table = Table("sample", "station", "taken", "medium", "results", "below", "verdict")
    samples = _found(station, medium, since, until, limit)
    for sample in samples:
        verdict = assess_sample(sample, stations[sample.station])
        table.add_row(
            escape(sample.number),
            sample.station,
            sample.day.isoformat(),
            sample.medium,
            str(len(sample.results)),
            str(sum(result.below for result in sample.results)),
            escape(_verdict(verdict)),
        )
    out.print(table if samples else "no samples")


@app.command("show")
def samples_show(
    number: Annotated[str, typer.Argument(help="The sample's number.")],
    station: _Station = None,
) -> None:
    """Show a sample: every result, its verdict, and what it said before it was corrected."""
    from network.assessments_samples import assess_sample
    from registry import open_registry
    from registry.samples import find_samples, revisions_of

    registry = open_registry(Settings().registry_url)
    found = find_samples(registry, number=number, stations=[station] if station else None)
    if not found:
        raise ValueError(f"sample {number!r} does not exist; see `onenet samples list`")
    for sample in found:
        verdict = assess_sample(sample, registry.stations()[sample.station])
        for name, value in (
            ("sample", sample.number),
            ("station", sample.station),
            ("taken", sample.taken.astimezone(CITY_TIME).isoformat(timespec="minutes")),
            ("depth", _depth(sample)),
            ("laboratory", sample.laboratory),
            ("remark", sample.remark),
            ("verdict", _verdict(verdict)),
        ):
            if value:
                out.print(f"[bold]{name}:[/bold] {escape(value)}", highlight=False)
        for revision in revisions_of(registry, sample.station, sample.number):
            recorded = revision.recorded.astimezone(CITY_TIME) if revision.recorded else None
            at = f"{recorded:%Y-%m-%d %H:%M}" if recorded else ""
            table = Table("determinand", "value", "unit", "as written", "method", "remark")
            table.title, table.title_justify = f"revision {revision.revision}, {at}", "left"
            for one in revision.results:
                cells = (one.determinand, str(one), one.unit, one.reported, one.method, one.remark)
                table.add_row(*map(escape, cells))
            out.print(table)


@app.command("export")
def samples_export(
    target: Annotated[Path, typer.Argument(help="CSV, a row for each result.")],
    station: _Station = None,
    medium: _Medium = None,
    since: _Since = None,
    until: _Until = None,
) -> None:
    """Write samples as a table that `import` reads again."""
    samples = _found(station, medium, since, until, None)
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(EXPORTED)
        writer.writerows(_rows(samples))
    counted = Counter(sample.medium for sample in samples)
    told = ", ".join(f"{count} {name}" for name, count in sorted(counted.items())) or "no samples"
    out.print(f"{told}: {target}", markup=False, highlight=False)


def _found(
    station: str | None,
    medium: SampleMedium | None,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
) -> list[Sample]:
    from registry import open_registry
    from registry.samples import find_samples

    return find_samples(
        open_registry(Settings().registry_url),
        stations=[station] if station else None,
        medium=medium,
        since=since.date() if since else None,
        until=until.date() if until else None,
        limit=limit,
    )


def _rows(samples: Iterable[Sample]) -> Iterable[list[object]]:
    for sample in samples:
        head = [
            sample.number,
            sample.station,
            sample.medium,
            sample.taken.astimezone(CITY_TIME).isoformat(),
            sample.depth_from,
            sample.depth_to,
            sample.laboratory,
            sample.remark,
        ]
        for one in sample.results:
            limit = "" if one.limit is None else f"{one.limit:f}"
            found = [one.determinand, str(one), one.unit, limit, one.method, one.remark]
            recorded = sample.recorded.isoformat() if sample.recorded else ""
            yield [*head, *found, sample.revision, recorded]


def _verdict(verdict: Assessment) -> str:
    """What was found, by which edition; or why nothing is said."""
    if isinstance(verdict, SoilAssessment):
        found = verdict.risk_name.en if verdict.risk_name else ""
    elif verdict.water_class is not None:
        found = f"class {verdict.water_class}"
    else:
        found = {True: "complies", False: "does not comply", None: ""}[verdict.compliant]
    if not found:
        return f"not assessed: {verdict.reason.replace('_', ' ')}"
    by = f", by {', '.join(verdict.deciding)}" if verdict.deciding else ""
    bound = "" if verdict.valid else f" or worse ({verdict.reason.replace('_', ' ')})"
    index = ""
    if isinstance(verdict, SoilAssessment) and verdict.grade is not None:
        index = f"; Nemerow {verdict.nemerow}, {verdict.grade.en}"
    return f"{found}{by}{bound}{index} ({verdict.edition})"


def _depth(sample: Sample) -> str:
    if sample.depth_from is None and sample.depth_to is None:
        return ""
    lower = "" if sample.depth_to is None else f"{sample.depth_to:g}"
    return f"{sample.depth_from or 0:g}-{lower} m"
