"""Typed panels: the few kinds that the boards use, with the settings they all share.

A panel is made with its size; `layout` gives it its place and number. No colour of its own judges
a value: those that do come from a standard (`scales`), or mean one of our own promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import (
    stat,
    statetimeline,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import UnknownDataquery
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.text import TextMode

from dashboards.alert_queries import Sql

SOURCE = dashboard.DataSourceRef(type_val="influxdb", uid="${datasource}")
POSTGRES = "grafana-postgresql-datasource"
REGISTRY = dashboard.DataSourceRef(type_val=POSTGRES, uid="${registry}")
WIDTH = 24  # of Grafana's grid
GAP_MS = 90 * 60 * 1000  # more than an hour without a valid hour: the line is broken
Steps = Sequence[tuple[float | None, str]]
NEUTRAL: Steps = [(None, "text")]
LIMITS = "L"  # the query of limit lines
NONE_ALLOWED: Steps = [(None, "green"), (1, "red")]


class Flux(Builder[Dataquery]):
    """A Flux query as a panel's target."""

    def __init__(self, query: str, ref: str = "A") -> None:
        self.query, self.ref = query, ref

    def build(self) -> Dataquery:
        return UnknownDataquery(
            {"refId": self.ref, "datasource": SOURCE.to_json(), "query": self.query}
        )


class Rows(Builder[Dataquery]):
    """An SQL query as a panel's target. by_time: its rows are series, else a table."""

    def __init__(self, query: Sql, by_time: bool) -> None:
        self.query, self.by_time = query, by_time

    def build(self) -> Dataquery:
        return UnknownDataquery(
            {
                "refId": "A",
                "datasource": REGISTRY.to_json(),
                "format": "time_series" if self.by_time else "table",
                "rawQuery": True,
                "editorMode": "code",
                "rawSql": str(self.query),
            }
        )


def _target(query: str, *, by_time: bool = False) -> Builder[Dataquery]:
    return Rows(query, by_time) if isinstance(query, Sql) else Flux(query)


def _source(query: str) -> dashboard.DataSourceRef:
    return REGISTRY if isinstance(query, Sql) else SOURCE


def series(
    title: str,
    query: str,
    *,
    unit: str,
    decimals: int | None = None,
    size: tuple[int, int] = (12, 8),
    style: common.GraphDrawStyle = common.GraphDrawStyle.LINE,
    stacked: bool = False,
    gap_ms: int | None = None,
    low: float | None = None,
    high: float | None = None,
    interval: str | None = None,
    time_from: str | None = None,
    description: str = "",
    more: Sequence[str] = (),
    limits: str | None = None,
    steps: Steps = NEUTRAL,
    colours: Mapping[str, tuple[str, str]] | None = None,
    repeat: str | None = None,
) -> dashboard.Panel:
    """Lines, bars or points over time, one a series; the query names them in `series`.

    more: further queries of the same panel. limits: a query of limit lines. steps: a standard's
    colours, by value, where there is one. colours: name and colour of each series of an SQL query.
    repeat: a variable; the panel stands once for each of its values.
    """
    points = style is common.GraphDrawStyle.POINTS
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(_source(query))
        .span(size[0])
        .height(size[1])
        .unit(unit)
        .display_name("${__field.labels.metric}" if colours else "${__field.labels.series}")
        .draw_style(style)
        .fill_opacity(60 if style is common.GraphDrawStyle.BARS else 0)
        .point_size(4)
        .show_points(common.VisibilityMode.ALWAYS if points else common.VisibilityMode.AUTO)
        .thresholds(steps_of(steps))
        .color_scheme(builders.FieldColor().mode(_colours(steps)))
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common_builders.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
    )
    panel.with_target(_target(query, by_time=True))
    for ref, one in zip("BC", more, strict=False):
        panel.with_target(Flux(one, ref))
    if colours is not None:
        panel.overrides([_named(series, *shown) for series, shown in colours.items()])
    if limits is not None:
        panel.with_target(Flux(limits, LIMITS)).overrides([_dashed()])
    if steps is not NEUTRAL:
        panel.gradient_mode(common.GraphGradientMode.SCHEME)
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    if gap_ms is not None:
        panel.insert_nulls(gap_ms)
    if repeat is not None:
        panel.repeat(repeat).repeat_direction("h").max_per_row(WIDTH // size[0])
    return _common(panel, decimals, low, high, interval, time_from)


def figures(
    title: str,
    query: str,
    *,
    unit: str = "none",
    decimals: int | None = 0,
    size: tuple[int, int] = (4, 4),
    steps: Steps = NEUTRAL,
    calculation: str = "lastNotNull",
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    no_value: str = "无有效值 / no valid value",
    description: str = "",
    mappings: Sequence[dashboard.ValueMap] = (),
) -> dashboard.Panel:
    """Big numbers, one a numeric column. columns: settings of a column by its name."""
    alarm = steps is not NEUTRAL
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(_source(query))
        .span(size[0])
        .height(size[1])
        .with_target(_target(query))
        .unit(unit)
        .no_value(no_value)
        .thresholds(steps_of(steps))
        .color_scheme(builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.BACKGROUND if alarm else common.BigValueColorMode.NONE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().calcs([calculation]).values(False))
        .mappings(list(mappings))
        .overrides(overrides(columns or {}))
    )
    return _common(panel, decimals, None, None, None, None)


def rows(
    title: str,
    query: str,
    *,
    columns: Mapping[str, Mapping[str, Any]],
    unit: str = "none",
    size: tuple[int, int] = (12, 8),
    no_value: str = "–",
    description: str = "",
) -> dashboard.Panel:
    """A table. columns: settings of each column by its name, in the order they are shown."""
    return (
        table_builders.Panel()
        .title(title)
        .description(description)
        .datasource(_source(query))
        .span(size[0])
        .height(size[1])
        .with_target(_target(query))
        .unit(unit)
        .no_value(no_value)
        .filterable(True)
        .thresholds(steps_of(NEUTRAL))
        .overrides(overrides(columns))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={"indexByName": {name: at for at, name in enumerate(columns)}},
            )
        )
        .build()
    )


def states(
    title: str,
    query: str,
    *,
    words: Mapping[str, tuple[str, str]],
    size: tuple[int, int] = (12, 8),
    description: str = "",
    shown: bool = False,
    time_from: str | None = None,
) -> dashboard.Panel:
    """States over time. words: (shown text, colour) by value. shown: write the text as well."""
    value = common.VisibilityMode.AUTO if shown else common.VisibilityMode.NEVER
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(size[0])
        .height(size[1])
        .with_target(Flux(query))
        .unit("none")
        .display_name("${__field.labels.series}")
        .mappings([mapping(words)])
        .show_value(value)
        .merge_values(True)
        .line_width(0)
        .fill_opacity(70)
        .thresholds(steps_of(NEUTRAL))
    )
    return (panel if time_from is None else panel.time_from(time_from)).build()


def words_only(title: str, markdown: str, size: tuple[int, int]) -> dashboard.Panel:
    return (
        text.Panel()
        .title(title)
        .span(size[0])
        .height(size[1])
        .mode(TextMode.MARKDOWN)
        .content(markdown)
        .build()
    )


def mapping(words: Mapping[str, tuple[str, str]]) -> dashboard.ValueMap:
    """Values to words: (shown text, colour) by value."""
    return dashboard.ValueMap(
        {
            value: dashboard.ValueMappingResult(text=shown, color=color, index=index)
            for index, (value, (shown, color)) in enumerate(words.items())
        }
    )


def link(title: str, url: str) -> dict[str, Any]:
    """A link on a value."""
    return {"title": title, "url": url, "targetBlank": True}


def overrides(
    columns: Mapping[str, Mapping[str, Any]],
) -> list[Builder[dashboard.DashboardFieldConfigSourceOverrides]]:
    return [
        builders.DashboardFieldConfigSourceOverrides()
        .matcher(dashboard.MatcherConfig(id_val="byName", options=name))
        .properties([dashboard.DynamicConfigValue(k, v) for k, v in settings.items()])
        for name, settings in columns.items()
    ]


def steps_of(steps: Steps) -> builders.ThresholdsConfig:
    return (
        builders.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value, color) for value, color in steps])
    )


def _colours(steps: Steps) -> dashboard.FieldColorModeId:
    """By value on a standard's scale; else a series keeps its colour from panel to panel."""
    modes = dashboard.FieldColorModeId
    return modes.PALETTE_CLASSIC_BY_NAME if steps is NEUTRAL else modes.THRESHOLDS


def _dashed() -> Builder[dashboard.DashboardFieldConfigSourceOverrides]:
    """Limits are dashed and whole, whatever the panel does with what was measured."""
    settings = {
        "custom.drawStyle": "line",
        "custom.lineStyle": {"fill": "dash", "dash": [10, 8]},
        "custom.insertNulls": False,
        "custom.showPoints": "never",
        "custom.fillOpacity": 0,
    }
    return (
        builders.DashboardFieldConfigSourceOverrides()
        .matcher(dashboard.MatcherConfig(id_val="byFrameRefID", options=LIMITS))
        .properties([dashboard.DynamicConfigValue(k, v) for k, v in settings.items()])
    )


def _named(
    series: str, name: str, colour: str
) -> Builder[dashboard.DashboardFieldConfigSourceOverrides]:
    """A series by what its query calls it: its name for people, and its colour."""
    settings = {"displayName": name, "color": {"mode": "fixed", "fixedColor": colour}}
    return (
        builders.DashboardFieldConfigSourceOverrides()
        .matcher(dashboard.MatcherConfig(id_val="byName", options=series))
        .properties([dashboard.DynamicConfigValue(k, v) for k, v in settings.items()])
    )


def _common(
    panel: timeseries.Panel | stat.Panel,
    decimals: int | None,
    low: float | None,
    high: float | None,
    interval: str | None,
    time_from: str | None,
) -> dashboard.Panel:
    if decimals is not None:
        panel.decimals(decimals)
    if low is not None:
        panel.min(low)
    if high is not None:
        panel.max(high)
    if interval is not None:
        panel.interval(interval)
    if time_from is not None:
        panel.time_from(time_from)
    return panel.build()
