"""The frame of a board: sections on the grid, variables, links, times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from dashboards import alert_queries
from dashboards.panels import POSTGRES, REGISTRY, SOURCE, WIDTH
from schemas import Medium

TAG = "one-network"
FOLDER_UID = "one-network"
FOLDER_TITLE = "One Network 一张网"
DATASOURCE_UID = "onenet-influx"
REGISTRY_UID = "onenet-registry"


@dataclass(frozen=True)
class Section:
    """Panels under one heading. A closed section asks the store nothing until it is opened."""

    title: str
    panels: Sequence[dashboard.Panel]
    closed: bool = False


def place(sections: Sequence[Section]) -> list[dashboard.Panel | dashboard.RowPanel]:
    """Number the panels and lay them out: each as high up, then as far left, as it fits."""
    placed: list[dashboard.Panel | dashboard.RowPanel] = []
    number, top = 0, 0
    for section in sections:
        number += 1
        row = dashboard.RowPanel(
            title=section.title,
            collapsed=section.closed,
            id_val=number,
            grid_pos=dashboard.GridPos(h=1, w=WIDTH, x=0, y=top),
        )
        placed.append(row)
        skyline = [top + 1] * WIDTH
        for panel in section.panels:
            number += 1
            panel.id_val = number
            size = panel.grid_pos or dashboard.GridPos(h=8, w=12)
            corners = range(WIDTH - size.w + 1)
            x = min(corners, key=lambda corner: max(skyline[corner : corner + size.w]))
            y = max(skyline[x : x + size.w])
            skyline[x : x + size.w] = [y + size.h] * size.w
            panel.grid_pos = dashboard.GridPos(h=size.h, w=size.w, x=x, y=y)
        (row.panels if section.closed else placed).extend(section.panels)
        top = top + 1 if section.closed else max(skyline)
    return placed


def board(
    uid: str,
    title: str,
    sections: Sequence[Section],
    *,
    since: str,
    console: str,
    tags: Sequence[str] = (),
    variables: Sequence[Builder[dashboard.VariableModel]] = (),
    description: str = "",
    medium: Medium | None = None,
    alerts_where: str = "",
    of_store: bool = True,
    page: tuple[str, str] | None = None,
) -> dashboard.Dashboard:
    """A board with what all boards have: data sources, console, links, city time, alerts as marks.

    medium: whose alerts are marked; None = all. alerts_where: a condition on them in SQL. of_store:
    whether it asks the time-series store. page: title and path of the console's page of the same.
    """
    frame = (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG, *tags])
        .timezone("Asia/Shanghai")
        .week_start("monday")
        .time(f"now-{since}", "now")
        .refresh("30s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(registry_variable())
        .with_variable(builders.ConstantVariable("console").value(console))
        .link(_boards_link())
        .link(_console_link("控制台 / Console", "${console}/"))
        .link(_console_link("告警 / Alerts", "${console}/alerts"))
    )
    if page is not None:
        frame.link(_console_link(page[0], "${console}" + page[1]))
    if of_store:
        frame.with_variable(datasource_variable())
    for variable in variables:
        frame.with_variable(variable)
    made = frame.build()
    made.panels = place(sections)
    made.annotations = dashboard.AnnotationContainer([AlertMarks(medium, alerts_where)])
    return made


class AlertMarks(dashboard.AnnotationQuery):
    """Alerts as annotations. The SDK's class knows no SQL, so it is told here."""

    def __init__(self, medium: Medium | None, where: str) -> None:
        super().__init__(
            name="告警 / Alerts", datasource=REGISTRY, enable=True, icon_color="red", built_in=None
        )
        self._query = alert_queries.marks(medium, where)

    def to_json(self) -> dict[str, object]:
        target = {
            "refId": "Anno",
            "format": "table",
            "rawQuery": True,
            "editorMode": "code",
            "rawSql": str(self._query),
        }
        return {**super().to_json(), "target": target}


def registry_variable() -> builders.DatasourceVariable:
    return (
        builders.DatasourceVariable("registry")
        .label("登记库 / Registry")
        .type(POSTGRES)
        .current(dashboard.VariableOption(text=REGISTRY_UID, value=REGISTRY_UID))
    )


def datasource_variable() -> builders.DatasourceVariable:
    return (
        builders.DatasourceVariable("datasource")
        .label("数据源 / Data source")
        .type("influxdb")
        .current(dashboard.VariableOption(text=DATASOURCE_UID, value=DATASOURCE_UID))
    )


def query_variable(
    name: str, label: str, query: str, only: tuple[str, str] | None = None
) -> builders.QueryVariable:
    """Values from a Flux query that gives `value text`: id, a space, the name.

    Several or all, and all at first; or one alone, with `only` (value, text) at first.
    """
    at_first = (
        dashboard.VariableOption(text=["All"], value=["$__all"])
        if only is None
        else dashboard.VariableOption(text=only[1], value=only[0])
    )
    return (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"refId": name, "query": query})
        .regex(r"/^(?<value>\S+) (?<text>[\s\S]+)$/")
        .multi(only is None)
        .include_all(only is None)
        .allow_custom_value(False)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .current(at_first)
    )


def _boards_link() -> builders.DashboardLink:
    return (
        builders.DashboardLink("一张网 / One Network")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(True)
    )


def _console_link(title: str, url: str) -> builders.DashboardLink:
    return (
        builders.DashboardLink(title)
        .type(dashboard.DashboardLinkType.LINK)
        .url(url)
        .icon("external link")
        .target_blank(True)
    )
