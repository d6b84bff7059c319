"""Panels of noise credit and soil risk, as the DAGs wrote them down from the views."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models import dashboard

from dashboards import panels, standing_queries
from dashboards.alert_queries import IN_DISTRICT
from dashboards.watch import STATION_LINK

_MADE: dict[str, dict[str, Any]] = {
    "made": {"displayName": "写入 / Written", "unit": "dateTimeAsSystem"}
}
_PLACE: dict[str, dict[str, Any]] = {
    "station": {"displayName": "站点编号 / Station id", "links": [STATION_LINK]},
    "station_name": {"displayName": "站点 / Station"},
    "district_name": {"displayName": "区 / District"},
}
_DAILY = "每日由视图计算后写入。 / Judged by the views and written down once a day."


def credit(where: str = IN_DISTRICT, size: tuple[int, int] = (12, 8)) -> dashboard.Panel:
    page = panels.link("信用明细 / Credit", "${console}/facilities/${__data.fields.station}")
    return panels.rows(
        "工地与企业噪声信用 / Noise credit of sites and enterprises",
        standing_queries.credit(where),
        columns={
            **_PLACE,
            "score": {"displayName": "得分 / Score", "decimals": 1, "links": [page]},
            "grade": {"displayName": "等级 / Grade"},
            **_MADE,
        },
        size=size,
        no_value="无 / none",
        description=f"{_DAILY} 最差者在前。 / The worst first.",
    )


def soil(where: str = IN_DISTRICT, size: tuple[int, int] = (16, 10)) -> dashboard.Panel:
    page = panels.link("地块 / Plot", "${console}/plots/${__data.fields.station}")
    return panels.rows(
        "地块土壤风险 / Soil risk of plots",
        standing_queries.soil(where),
        columns={
            **_PLACE,
            "zone": {"displayName": "用地 / Land use"},
            "risk": {"displayName": "风险 / Risk", "links": [page]},
            "factor": {"displayName": "最大单因子 / Largest single factor", "decimals": 3},
            "day": {"displayName": "采样日 / Sampled", "unit": "dateTimeAsLocal"},
            **_MADE,
        },
        size=size,
        no_value="无 / none",
        description=_DAILY,
    )


def soil_counts(where: str = IN_DISTRICT, size: tuple[int, int] = (8, 10)) -> dashboard.Panel:
    return panels.rows(
        "地块按风险 / Plots by risk",
        standing_queries.soil_counts(where),
        columns={
            "risk": {"displayName": "风险 / Risk"},
            "plots": {"displayName": "地块数 / Plots", "unit": "short"},
        },
        size=size,
        no_value="无 / none",
        description=_DAILY,
    )
