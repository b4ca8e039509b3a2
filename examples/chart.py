"""A bar chart as a PNG, from nothing but the standard library."""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (31, 41, 55)
FAINT: Colour = (107, 114, 128)
RULE: Colour = (229, 231, 235)
BARS: tuple[Colour, ...] = ((37, 99, 235), (13, 148, 136), (217, 119, 6), (147, 51, 234))

WIDTH = 960
MARGIN = 36
ROW = 40
BAR = 24

# Letters of 5 × 8 dots, for each character from space to ~ its five columns, lowest bit on top.
_FONT = bytes.fromhex(
    "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0008070300"
    "001c224100 0041221c00 2a1c7f1c2a 08083e0808 0080703000 0808080808 0000606000 2010080402"
    "3e5149453e 00427f4000 7249494946 2141494d33 1814127f10 2745454539 3c4a494931 4121110907"
    "3649494936 464949291e 0000140000 0040340000 0008142241 1414141414 0041221408 0201590906"
    "3e415d594e 7c1211127c 7f49494936 3e41414122 7f4141413e 7f49494941 7f09090901 3e41415173"
    "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f 7f0408107f 3e4141413e"
    "7f09090906 3e4151215e 7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f 3f4038403f"
    "6314081463 0304780403 6159494d43 007f414141 0204081020 004141417f 0402010204 4040404040"
    "0003070800 2054547840 7f28444438 3844444428 384444287f 3854545418 00087e0902 18a4a49c78"
    "7f08040478 00447d4000 2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438"
    "fc18242418 18242418fc 7c08040408 4854545424 04043f4424 3c4040207c 1c2040201c 3c4030403c"
    "4428102844 4c9090907c 4464544c44 0008364100 0000770000 0041360800 0201020402"
)


class Bar(NamedTuple):
    label: str
    value: float
    group: int = 0
    """Bars of one group have one colour."""


class Canvas:
    """Pixels, rectangles and letters."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._pixels = bytearray(bytes(PAPER) * (width * height))

    def rectangle(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        row = bytes(colour) * width
        for line in range(y, y + height):
            start = 3 * (line * self.width + x)
            self._pixels[start : start + len(row)] = row

    def blend(self, x: int, y: int, colour: Colour, share: float) -> None:
        at = 3 * (y * self.width + x)
        for channel, value in enumerate(colour, at):
            self._pixels[channel] += round((value - self._pixels[channel]) * share)

    def text(self, x: float, y: int, text: str, colour: Colour, scale: float = 2) -> None:
        """Letters from dots: interpolated between the dots, which rounds their corners."""
        for character in text:
            self._letter(round(x), y, character, colour, scale)
            x += 6 * scale

    def _letter(self, x: int, y: int, character: str, colour: Colour, scale: float) -> None:
        code = ord(character) if " " <= character <= "~" else ord("?")
        columns = b"\0" + _FONT[5 * (code - 32) : 5 * (code - 31)] + b"\0\0"

        def dot(column: int, row: int) -> int:
            return columns[column] >> row & 1 if row >= 0 else 0

        for line in range(round(9 * scale)):
            v, row = (line + 0.5) / scale % 1, int((line + 0.5) / scale) - 1
            for pixel in range(round(7 * scale)):
                u, column = (pixel + 0.5) / scale % 1, int((pixel + 0.5) / scale)
                if column > 6:
                    continue
                above = dot(column, row) * (1 - u) + dot(column + 1, row) * u
                below = dot(column, row + 1) * (1 - u) + dot(column + 1, row + 1) * u
                share = ((above * (1 - v) + below * v) - 0.5) * scale + 0.6
                if share > 0:
                    self.blend(x + pixel, y + line, colour, min(share, 1))

    def png(self) -> bytes:
        stride = 3 * self.width
        lines = (self._pixels[at : at + stride] for at in range(0, len(self._pixels), stride))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        data = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
        return b"".join(
            (b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND"))
        )


def bar_chart(title: str, subtitle: str, bars: Sequence[Bar]) -> bytes:
    """The PNG of a chart with a horizontal bar for each value, from top to bottom."""
    top = 104
    canvas = Canvas(WIDTH, top + ROW * len(bars) + MARGIN)
    canvas.text(MARGIN, 26, title, INK, 3)
    canvas.text(MARGIN, 62, subtitle, FAINT, 2)
    labels = max([12 * len(bar.label) for bar in bars], default=0)
    values = max([12 * len(_number(bar.value)) for bar in bars], default=0)
    left = MARGIN + labels + 16
    room = WIDTH - MARGIN - values - 16 - left
    highest = max([bar.value for bar in bars], default=0) or 1
    for share in (0.25, 0.5, 0.75, 1):
        canvas.rectangle(left + round(room * share), top - 8, 1, ROW * len(bars) + 8, RULE)
    for number, bar in enumerate(bars):
        y = top + ROW * number
        length = max(2, round(room * bar.value / highest))
        canvas.text(left - 16 - 12 * len(bar.label), y + 2, bar.label, INK)
        canvas.rectangle(left, y, length, BAR, BARS[bar.group % len(BARS)])
        canvas.text(left + length + 12, y + 2, _number(bar.value), FAINT)
    canvas.rectangle(left - 1, top - 8, 2, ROW * len(bars) + 8, FAINT)
    return canvas.png()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
