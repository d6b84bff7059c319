"""The map of stations, as a typed panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import geomap
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard

from dashboards.panels import NEUTRAL, SOURCE, Flux, Steps, overrides, steps_of


def city_map(
    title: str,
    ground: str,
    latest: str,
    *,
    value: str,
    unit: str,
    steps: Steps | None,
    columns: Mapping[str, Mapping[str, Any]],
    size: tuple[int, int],
    description: str = "",
) -> dashboard.Panel:
    """Stations on a map: all in grey, and over them those with data, coloured by `value`."""
    scheme = dashboard.FieldColorModeId
    return (
        geomap.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(size[0])
        .height(size[1])
        .with_target(Flux(ground, "A"))
        .with_target(Flux(latest, "B"))
        .unit(unit)
        .thresholds(steps_of(steps or NEUTRAL))
        .color_scheme(
            builders.FieldColor().mode(scheme.THRESHOLDS if steps else scheme.CONTINUOUS_BLUES)
        )
        .overrides(overrides(columns))
        .view(geomap.MapViewConfig().id("fit").all_layers(True).padding(8))
        .basemap(common_builders.MapLayerOptions().type("default").name("底图 / Basemap"))
        .layers(
            [
                _markers("全部站点 / All stations", "A", {"fixed": "#8e8e8e"}, 4),
                _markers("有数据 / With data", "B", {"field": value, "fixed": "#8e8e8e"}, 8),
            ]
        )
        .build()
    )


def _markers(name: str, ref: str, color: dict[str, str], size: int) -> Builder[Any]:
    return (
        common_builders.MapLayerOptions()
        .type("markers")
        .name(name)
        .location(
            common_builders.FrameGeometrySource()
            .mode(common.FrameGeometrySourceMode.COORDS)
            .latitude("lat")
            .longitude("lon")
        )
        .filter_data({"id": "byRefId", "options": ref})
        .tooltip(True)
        .config(
            {
                "showLegend": False,
                "style": {
                    "color": color,
                    "opacity": 0.8,
                    "size": {"fixed": size, "min": 2, "max": 15},
                    "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
                },
            }
        )
    )
