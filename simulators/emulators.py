"""Emulated sensors: what a noise, air, water or soil station would measure at any moment.

One function a kind, registered in `EMULATORS`; each gives every parameter it knows, in canonical
units, as a pure function of sensor, weather and time. `measure` keeps those that the sensor has,
within the catalogue's range and rounded to its resolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from schemas import ParameterKey, catalogue
from simulators.weather import (
    HOUR_S,
    Weather,
    city_hour,
    city_weekday,
    daily,
    hashed,
    jitter,
    smooth,
    tide,
)

Values = dict[str, float]
Emulator = Callable[[str, Weather, float], Values]

# Share of the daily traffic by hour, 1 = the busiest (a city's common two-peak day).
TRAFFIC = (
    *(0.20, 0.14, 0.10, 0.08, 0.09, 0.18, 0.42, 0.80, 1.0, 0.90, 0.82, 0.80),
    *(0.78, 0.78, 0.80, 0.84, 0.90, 1.0, 0.98, 0.82, 0.68, 0.58, 0.44, 0.30),
)


def traffic(t: float) -> float:
    """Traffic now, 0..1: by hour, without steps; quieter on weekends."""
    hour = city_hour(t)
    here, part = int(hour), hour % 1
    share = TRAFFIC[here] * (1 - part) + TRAFFIC[(here + 1) % 24] * part
    return share * (0.82 if city_weekday(t) >= 5 else 1.0)


def trait(name: str, what: str, low: float, high: float) -> float:
    """A fixed property of one sensor's place, between low and high."""
    return low + (hashed(f"{name}:{what}", 0) + 1) / 2 * (high - low)


def _sound(name: str, t: float, level: float) -> Values:
    laeq = level + 1.4 * smooth(name + "q", t, 900) + 1.1 * jitter(name + "q", t)
    return {"laeq": laeq, "lmax": laeq + 9 + 3.5 * jitter(name + "x", t)}


def noise_road(name: str, weather: Weather, t: float) -> Values:
    """Traffic noise: 10 dB for each tenfold of the traffic; wet roads are louder."""
    base = trait(name, "loud", 69.5, 75.5)
    wet = 2.0 if weather.rain(t) > 0.5 else 0.0
    return _sound(name, t, base + 10 * math.log10(traffic(t)) + wet)


def noise_residential(name: str, weather: Weather, t: float) -> Values:
    """A quiet quarter: far traffic, people in the evening."""
    people = 4.0 * max(0.0, daily(t, 19)) ** 2
    far = trait(name, "loud", 47, 51) + 7 * math.log10(traffic(t))
    return _sound(name, t, far + people + (2.5 if weather.rain(t) > 2 else 0))


def noise_construction(name: str, weather: Weather, t: float) -> Values:
    """A building site: machines by day with a midday rest; every third night or so, also then."""
    hour, day = city_hour(t), int((t + 8 * HOUR_S) // 86_400)
    works = 7 <= hour < 12 or 14 <= hour < 19.5
    concrete = (hour >= 22 or hour < 4) and hashed(name + "night", day) < -0.3
    machine = 8.0 * max(0.0, smooth(name + "machine", t, 1800)) if works else 0.0
    level = 66.0 + machine if works else (62.0 if concrete else 50.0 + 3 * daily(t, 14))
    return _sound(name, t, level + trait(name, "near", -1, 3) - (6 if weather.rain(t) > 5 else 0))


def air(name: str, weather: Weather, t: float) -> Values:
    """Ambient air: traffic NO2 and CO, ozone by sunlight against NO2, particles by stagnation."""
    place, still = trait(name, "dirt", 0.75, 1.25), weather.stagnation(t)
    washed = 1 - 0.35 * min(1.0, weather.rain(t) / 6)
    sun = max(0.0, daily(t, 13.5)) * (0.45 if weather.rain(t) > 0.2 else 1.0)
    no2 = (9 + 34 * traffic(t) * place) * still * (1 - 0.35 * sun)
    no2 += 2.5 * smooth(name + "no2", t, 1500)
    o3 = 38 + 105 * sun * still - 0.45 * no2 + 6 * smooth(name + "o3", t, 2400)
    pm25 = (7 + 10 * still * place + 4 * traffic(t)) * washed + 2.5 * smooth(name + "pm", t, 1800)
    coarse = 14 * place + 10 * traffic(t) + 2 * weather.wind_speed(t)
    return {
        "pm25": pm25 + jitter(name + "pm25", t),
        "pm10": pm25 + max(1.0, coarse * washed) + 1.5 * jitter(name + "pm10", t),
        "so2": 5 + 2.4 * still * place + 1.2 * smooth(name + "so2", t, 3600),
        "no2": no2 + 0.8 * jitter(name + "no2", t),
        "co": 0.35 + 0.012 * no2 + 0.02 * jitter(name + "co", t),
        "o3": o3 + 1.2 * jitter(name + "o3", t),
        "temperature": weather.temperature(t) + trait(name, "warm", -1, 1) + 0.1 * jitter(name, t),
        "humidity": weather.humidity(t) + trait(name, "humid", -4, 4) + 0.4 * jitter(name + "h", t),
        "pressure": weather.pressure(t) + trait(name, "height", -4, 0) + 0.05 * jitter(name, t),
        "wind_speed": weather.wind_speed(t) * trait(name, "open", 0.6, 1.2)
        + 0.4 * jitter(name + "ws", t),
        "wind_direction": (weather.wind_direction(t) + 12 * jitter(name + "wd", t)) % 360,
        "rain": weather.rain(t) / 12,
    }


def river(name: str, weather: Weather, t: float) -> Values:
    """A city river: rain washes turbidity, phosphorus and ammonia in and dilutes the salts."""
    wet, load = weather.wetness(t), trait(name, "load", 0.6, 1.25)
    warm = weather.temperature(t - 8 * HOUR_S) * 0.35 + 15.5
    saturation = 14.6 - 0.39 * warm + 0.0055 * warm**2
    breath = 0.9 * max(-1.0, daily(t, 15))
    slow = smooth(name + "slow", t, 8 * HOUR_S)
    return {
        "water_temperature": warm + 0.6 * daily(t, 16) + 0.05 * jitter(name + "wt", t),
        "ph": 7.35 + 0.14 * daily(t, 15.5) + 0.08 * slow + 0.01 * jitter(name + "ph", t),
        "do": saturation * (0.86 - 0.22 * load)
        + breath
        - 0.7 * wet
        + 0.05 * jitter(name + "do", t),
        "conductivity": 0.62 * load * (1 - 0.4 * wet) + 0.03 * slow,
        "turbidity": 14 + 95 * wet + 5 * slow + 1.5 * jitter(name + "tu", t),
        "codmn": (3.4 + 2.4 * wet + 0.5 * slow) * load + 0.05 * jitter(name + "cm", t),
        "nh3n": (0.55 + 0.75 * wet + 0.16 * slow) * load + 0.01 * jitter(name + "nh", t),
        "tp": (0.11 + 0.13 * wet + 0.02 * slow) * load + 0.002 * jitter(name + "tp", t),
        "tn": (5.4 + 2.2 * wet + 0.8 * slow) * load + 0.05 * jitter(name + "tn", t),
        "flow": trait(name, "size", 2, 14) * (1 + 5 * wet) + 0.2 * slow,
    }


def outfall(name: str, _weather: Weather, t: float) -> Values:
    """Treated effluent; now and then the dosing fails for some hours and ammonia breaks through."""
    shift, slow = traffic(t - 3 * HOUR_S), smooth(name + "slow", t, 4 * HOUR_S)
    weakness = trait(name, "weak", -0.85, -0.1)
    failing = max(0.0, smooth(name + "dosing", t, 7 * HOUR_S) - (-weakness - 0.35)) * 6
    return {
        "flow": 0.08 + 0.12 * shift + 0.01 * jitter(name + "f", t),
        "ph": 7.2 + 0.2 * slow + 0.02 * jitter(name + "p", t),
        "cod": 27 + 6 * slow + 5 * shift + 2.2 * failing + 0.4 * jitter(name + "c", t),
        "nh3n": 1.6 + 0.6 * slow + 1.5 * failing + 0.04 * jitter(name + "n", t),
        "tp": 0.24 + 0.05 * slow + 0.03 * failing + 0.004 * jitter(name + "tp", t),
    }


def sea(name: str, weather: Weather, t: float) -> Values:
    """A bay: tide, river water after rain, algae by sunlight."""
    high, wet = tide(t, trait(name, "shift", 0, 2)), weather.wetness(t)
    fresh = trait(name, "fresh", 0.3, 1.5)
    warm = weather.temperature(t - 20 * HOUR_S) * 0.25 + 18
    slow = smooth(name + "slow", t, 12 * HOUR_S)
    bloom = trait(name, "bloom", 2.5, 7) * (1 + 0.4 * slow) * (1 + 0.15 * daily(t, 15))
    return {
        "water_temperature": warm + 0.3 * daily(t, 16) + 0.15 * high,
        "salinity": 31.5 - 3.2 * fresh + 1.1 * high * fresh - 3.0 * wet * fresh + 0.2 * slow,
        "ph": 8.05 + 0.06 * daily(t, 15) + 0.03 * slow,
        "do": 7.3 + 0.45 * daily(t, 16) + 0.25 * slow - 0.3 * wet + 0.04 * jitter(name + "do", t),
        "turbidity": 6 + 2.5 * abs(high) + 10 * wet * fresh + 0.5 * jitter(name + "tu", t),
        "chlorophyll": bloom + 0.15 * jitter(name + "ch", t),
        "depth": trait(name, "deep", 5, 12) + high + 0.02 * jitter(name + "d", t),
    }


def soil(name: str, weather: Weather, t: float) -> Values:
    """Topsoil: wet after rain, drying slowly; temperature damped and late."""
    wet = weather.wetness(t)
    moisture = trait(name, "dry", 0.16, 0.26) + 0.13 * wet + 0.012 * smooth(name + "m", t, 86_400)
    return {
        "soil_moisture": moisture + 0.001 * jitter(name + "m", t),
        "soil_temperature": weather.temperature(t - 5 * HOUR_S) * 0.55 + 10 + 0.8 * daily(t, 17),
        "conductivity": 0.25 + 0.9 * moisture + 0.01 * smooth(name + "c", t, 86_400),
    }


EMULATORS: dict[str, Emulator] = {
    "noise-road": noise_road,
    "noise-residential": noise_residential,
    "noise-construction": noise_construction,
    "air": air,
    "river": river,
    "outfall": outfall,
    "sea": sea,
    "soil": soil,
}


def measure(
    kind: str, name: str, parameters: Sequence[ParameterKey], weather: Weather, t: float
) -> dict[str, float | None]:
    """What the sensor shows at `t` (s since the epoch); raises KeyError for an unknown kind."""
    every = EMULATORS[kind](name, weather, t)
    return {key: _shown(key, every[key]) for key in parameters if key in every}


def _shown(key: ParameterKey, value: float) -> float:
    parameter = catalogue()[key]
    low, high = parameter.range
    return round(min(high, max(low, value)), parameter.decimals)
