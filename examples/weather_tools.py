"""Tools that need no network: an async function, a dataclass, an error with a hint."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from codemode import ToolError, tool

_CLIMATE = {"Bergen": (7.6, 0.65), "Cairo": (22.1, 0.02), "Lima": (19.7, 0.01)}


@dataclass
class Weather:
    city: str
    temperature: float
    rain: float
    """The probability of rain, from 0 to 1."""


@tool
async def weather(city: str, unit: Literal["C", "F"] = "C") -> Weather:
    """The weather in a city.

    Args:
        city: its English name.
        unit: of the temperature.
    """
    await asyncio.sleep(0.05)  # as a service would take its time
    if city not in _CLIMATE:
        raise ToolError(f"no weather for {city!r}\nHint: try {', '.join(_CLIMATE)}.")
    celsius, rain = _CLIMATE[city]
    return Weather(city, celsius if unit == "C" else celsius * 9 / 5 + 32, rain)


@tool
def cities() -> list[str]:
    """The cities whose weather is known."""
    return list(_CLIMATE)
