"""Renew docs/inspector.png: ``python -m tests.trace.inspector.screenshot``. It needs Chromium and Playwright."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from codemode import CodeMode

PICTURE = Path(__file__).parents[3] / "docs" / "inspector.png"

PROGRAM = """\
// Where is it warmest, and what does an umbrella cost there?
const cities = ["Oslo", "Lima", "Cairo", "Quito", "Atlantis", "Kyoto"];
const found = await Promise.allSettled(cities.map((city) => tools.weather({ city })));
const known = found.filter((each) => each.status === "fulfilled").map((each) => each.value);
known.sort((a, b) => b.celsius - a.celsius);
const [warmest] = known;
text(`${warmest.city}: ${warmest.celsius} °C`);

const price = await tools.price({ item: "umbrella", city: warmest.city });
store("warmest", { city: warmest.city, price });
text(`an umbrella costs ${price} there`);
"""

_WEATHER = {
    "Oslo": 3.5,
    "Lima": 19.0,
    "Cairo": 31.0,
    "Quito": 14.5,
    "Kyoto": 22.0,
}


async def weather(city: str) -> dict[str, object]:
    """The weather of a city."""
    await asyncio.sleep(0.02 + len(city) / 200)
    if city not in _WEATHER:
        raise LookupError(f"there is no city {city}")
    return {"city": city, "celsius": _WEATHER[city], "wind": {"from": "NW", "speed": 3}}


async def price(item: str, city: str) -> float:
    """What an item costs in a city."""
    await asyncio.sleep(0.03 + len(item + city) / 1000)
    return 4.5


async def _record(folder: str) -> None:
    async with CodeMode(tools=[weather, price], trace=folder) as cm:
        await cm.exec(PROGRAM, call_id="call_1")
        await cm.exec("text(load('warmest').city)", call_id="call_2")


def main() -> None:
    """Record, open the page, choose a call, and keep what is seen."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_record(folder))
        command = [sys.executable, "-m", "codemode", "inspect", folder, "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            url = json.loads(child.stdout.readline())["url"]
            with sync_playwright() as driver:
                browser = driver.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                page = browser.new_page(
                    viewport={"width": 1280, "height": 620}, color_scheme="light"
                )
                page.goto(url)
                page.click("#cells .row >> text=call_1")
                page.click("#calls .row >> text=tool-3")
                page.wait_for_selector("#detail details")
                page.mouse.move(0, 0)
                page.screenshot(path=PICTURE)
                browser.close()
            child.terminate()


if __name__ == "__main__":
    main()
