"""Whether a picture shows something is told from its pixels."""

import random
import struct
import zlib

import pytest

from batos.workbench.picture import look_at, png

WIDTH, HEIGHT = 320, 400


def blank(colour=(15, 18, 25, 255)):
    return bytearray(bytes(colour) * (WIDTH * HEIGHT))


def with_text(lines, letters=20):
    """Bands of uneven strokes, twelve rows high, in changing colours."""
    pixels, chance = blank(), random.Random(7)
    for line in range(lines):
        for letter in range(letters):
            shade = 130 + chance.randrange(126)
            for row in range(line * 20, line * 20 + 12):
                start = 4 * (row * WIDTH + letter * 12)
                pixels[start : start + 16] = bytes((shade, shade, chance.randrange(256), 255)) * 4
    return pixels


def test_lines_of_text_are_counted():
    look = look_at(bytes(with_text(15)), WIDTH, HEIGHT)

    assert look.text_lines == 15
    assert look.complaint is None


@pytest.mark.parametrize(
    "pixels, complaint",
    [(blank(), "blank"), (blank((255, 0, 0, 255)), "blank"), (with_text(6), "lines that look like text")],
    ids=["dark", "red", "little text"],
)
def test_a_picture_that_shows_little_is_complained_about(pixels, complaint):
    assert complaint in look_at(bytes(pixels), WIDTH, HEIGHT).complaint


def test_noise_is_no_text():
    noise = random.Random(3).randbytes(WIDTH * HEIGHT * 4)

    assert "text" in look_at(noise, WIDTH, HEIGHT).complaint


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT + 1), (0, 0), (-WIDTH, -HEIGHT)])
def test_pixels_that_are_not_as_many_as_the_size_says_are_refused(size):
    with pytest.raises(ValueError, match="are not a picture"):
        look_at(bytes(blank()), *size)


def test_the_png_holds_the_same_pixels():
    pixels = bytes(with_text(4))

    assert decoded(png(pixels, WIDTH, HEIGHT)) == [pixels[n : n + 3] for n in range(0, len(pixels), 4)]


def decoded(file):
    """The colours of a PNG file whose rows are all written as differences from the row above."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    (length,) = struct.unpack(">I", file[33:37])
    rows, above, colours = zlib.decompress(file[41 : 41 + length]), bytes(3 * WIDTH), []
    for start in range(0, len(rows), 3 * WIDTH + 1):
        assert rows[start] == 2
        above = bytes((a + b) & 0xFF for a, b in zip(above, rows[start + 1 : start + 1 + 3 * WIDTH], strict=True))
        colours += [above[n : n + 3] for n in range(0, len(above), 3)]
    return colours
