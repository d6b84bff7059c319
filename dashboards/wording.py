"""How parameters, units and codes read on a board: Chinese first, then English."""

from __future__ import annotations

from schemas import Cause, Flag, Index, Level, Medium, Parameter
from schemas.registry import Place, Station

# Units that Grafana knows and shows without scaling them; all others are a suffix.
GRAFANA_UNITS = {
    "1": "none",
    "%": "percent",
    "deg": "degree",
    "degC": "celsius",
    "hPa": "pressurehpa",
    "m/s": "velocityms",
    "mg/m3": "conmgm3",
    "mm": "lengthmm",
    "ug/m3": "conμgm3",
}
_SHOWN = {"ug": "µg", "m3": "m³", "m2": "m²"}

MEDIA: dict[str, str] = {
    Medium.NOISE: "噪声 / Noise",
    Medium.AIR: "空气 / Air",
    Medium.WATER: "水与海洋 / Water and sea",
    Medium.SOIL: "土壤 / Soil",
}
LEVELS = {
    "sensor": "设备 / Sensors",
    "station": "站点 / Stations",
    "subdistrict": "街道 / Subdistricts",
    "district": "区 / Districts",
    "basin": "流域 / Basins",
    "bay": "海湾 / Bays",
    "city": "全市 / City",
}
ACCOUNT = {
    "received": "收到 / Received",
    "stored": "入库 / Stored",
    "duplicate": "重复 / Duplicate",
    "dead_lettered": "死信 / Dead-lettered",
}
DIFFERENCE = "差额 / Difference"
AREAS = {
    Level.CITY: "全市各区 / City and districts",
    Level.DISTRICT: "全市各区 / City and districts",
    Level.BASIN: "流域与海湾 / Basins and bays",
    Level.BAY: "流域与海湾 / Basins and bays",
}
HOURLY = {
    "mean": ("小时均值", "hourly mean"),
    "energy": ("小时等效", "hourly energy mean"),
    "vector": ("小时矢量均值", "hourly vector mean"),
    "sum": ("小时累计", "hourly sum"),
}
DAILY = {
    "mean": ("日均值", "daily mean"),
    "energy": ("昼夜等效", "day and night energy mean"),
    "vector": ("日矢量均值", "daily vector mean"),
    "sum": ("日累计", "daily sum"),
}
PERIODS = {"day": "", "daytime": "昼 Ld ", "night": "夜 Ln "}
REASONS = {"no_data": "无数据 / no data", "incomplete": "数据不足 / incomplete"}
_ROMAN = {"I": "Ⅰ", "II": "Ⅱ", "III": "Ⅲ", "IV": "Ⅳ", "V": "Ⅴ"}
FLAGS = {
    Flag.GOOD: "有效 / good",
    Flag.NOT_EVALUATED: "未检验 / not evaluated",
    Flag.SUSPECT: "可疑 / suspect",
    Flag.BAD: "无效 / bad",
    Flag.MISSING: "缺测 / missing",
}
CAUSES = {
    Cause.NONE: "–",
    Cause.DEVICE: "设备标识 / device flag",
    Cause.RANGE: "超量程 / range",
    Cause.SPIKE: "尖峰 / spike",
    Cause.RATE: "突变 / rate of change",
    Cause.FLATLINE: "恒值 / flatline",
    Cause.MISSING: "缺测 / missing",
    Cause.CALIBRATION: "校准 / calibration",
    Cause.MAINTENANCE: "维护 / maintenance",
}


def both(chinese: str, english: str) -> str:
    return f"{chinese} / {english}"


def water_class(name: str) -> str:
    """A class of water, as the standards name it: II, worse_than_V."""
    worst = name.removeprefix("worse_than_")
    return (
        f"劣{_ROMAN[worst]}类 worse than {worst}" if worst != name else f"{_ROMAN[name]}类 {name}"
    )


def about(parameter: Parameter, what: tuple[str, str]) -> str:
    """A panel's title: the parameter and what is shown of it."""
    return both(f"{parameter.zh} · {what[0]}", f"{parameter.en}, {what[1]}")


def name(thing: Station | Place | Parameter | Index) -> str:
    """A station, place, parameter or index in a legend or a list."""
    return f"{thing.zh} {thing.en}"


def shown_unit(parameter: Parameter) -> str:
    """A parameter's unit as people write it; empty for a pure number."""
    if parameter.unit in ("1", "degC", "deg"):
        return {"1": "", "degC": "°C", "deg": "°"}[parameter.unit]
    return "/".join(_SHOWN.get(part, part) for part in parameter.unit.split("/"))


def with_unit(parameter: Parameter) -> str:
    """A parameter's name and its unit, for a legend."""
    return f"{name(parameter)} {shown_unit(parameter)}".strip()


def grafana_unit(parameter: Parameter) -> str:
    """The unit of a panel: Grafana's own id where it has one, else the text as a suffix."""
    return GRAFANA_UNITS.get(parameter.unit) or f"suffix:{shown_unit(parameter)}"
