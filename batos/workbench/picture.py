"""The pixels of a window that was rendered off screen: whether they show something, and the PNG for people.

Pixels come from a confined program as plain bytes, four for each pixel from the top left, so that nothing it wrote has
to be parsed. Whether a picture shows text is told from its edges: a line of text is a band of rows, as tall as letters
are, in which light changes sharply many times. The picture's meaning is beyond this module.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

CHANNELS = 4
SHARP = 48  # of 255: a change of light between two neighbours that the eye sees as an edge
EDGES_IN_TEXT = 8  # in a row of pixels that crosses a word
LETTER_ROWS = range(5, 41)  # the heights of lines of text, in pixels

LEAST_COLOURS = 64
MOST_OF_ONE_COLOUR = 0.97
LEAST_TEXT_LINES = 10


@dataclass(frozen=True)
class Look:
    """What the pixels say: how many colours, which part the commonest one has, how many lines look like text."""

    width: int
    height: int
    colours: int
    commonest: float
    text_lines: int

    @property
    def complaint(self) -> str | None:
        """Why this cannot be a workbench in use; None where it can."""
        if self.commonest > MOST_OF_ONE_COLOUR:
            return f"the picture is blank: {self.commonest:.1%} of it has one colour."
        if self.colours < LEAST_COLOURS:
            return f"the picture has only {self.colours} colours."
        if self.text_lines < LEAST_TEXT_LINES:
            return f"the picture has only {self.text_lines} lines that look like text."
        return None


def look_at(pixels: bytes, width: int, height: int) -> Look:
    """Judge RGBA pixels. Raises ValueError where there are not as many as the size says."""
    if width < 1 or height < 1 or len(pixels) != width * height * CHANNELS:
        raise ValueError(f"{len(pixels)} bytes are not a picture of {width} x {height} pixels")
    colours = Counter(memoryview(pixels).cast("I"))
    return Look(
        width=width,
        height=height,
        colours=len(colours),
        commonest=colours.most_common(1)[0][1] / (width * height),
        text_lines=count_text_lines(pixels, width, height),
    )


def count_text_lines(pixels: bytes, width: int, height: int) -> int:
    """The bands of rows that look like lines of text."""
    green = pixels[1::CHANNELS]  # what the eye takes most of its light from
    lines = run = 0
    for start in range(0, width * height, width):
        row = green[start : start + width]
        edges = sum(left - right > SHARP or right - left > SHARP for left, right in pairwise(row))
        if edges >= EDGES_IN_TEXT:
            run += 1
            continue
        lines += run in LETTER_ROWS
        run = 0
    return lines + (run in LETTER_ROWS)


def png(pixels: bytes, width: int, height: int) -> bytes:
    """RGBA pixels as a PNG file without transparency."""
    opaque = bytearray(width * height * 3)
    for channel in range(3):
        opaque[channel::3] = pixels[channel::CHANNELS]
    rows = b"".join(b"\x02" + row for row in _differences(bytes(opaque), width * 3, height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(name, content) for name, content in parts)


def _differences(colours: bytes, stride: int, height: int) -> list[bytes]:
    """Each row less the one above it, byte by byte: PNG's filter 2."""
    above, rows = bytes(stride), []
    for start in range(0, stride * height, stride):
        row = colours[start : start + stride]
        same = row == above
        rows.append(bytes(stride) if same else bytes((now - then) & 0xFF for now, then in zip(row, above, strict=True)))
        above = row
    return rows


def _part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
