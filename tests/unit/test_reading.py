"""Reading files: what is text is read as it is, everything else is refused with its reason."""

import os

import pytest

from batos.errors import MemoryRefused
from batos.memory import reading
from batos.memory.reading import files_of, read


@pytest.mark.parametrize(
    "name, media",
    [("a.md", "markdown"), ("A.MARKDOWN", "markdown"), ("a.py", "python"), ("a.txt", "text"), ("Makefile", "text")],
)
def test_the_name_says_what_is_read(tmp_path, name, media):
    (tmp_path / name).write_text("x")

    assert read(tmp_path / name).media == media


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_whatever_its_form_and_line_ends_are_kept(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes("Käuze\r\n梟\n".encode(encoding))

    assert read(path).text == "Käuze\r\n梟\n"


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\x7fELF\0\0", "it is binary"),
        ("Käuze".encode("latin-1"), "it is not UTF-8 text"),
        (b"\xff\xfea", "it is not UTF-16 text"),
        (b"x" * 101, "it is larger than"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, monkeypatch, data, reason):
    monkeypatch.setattr(reading, "LARGEST", 100)
    path = tmp_path / "a.txt"
    path.write_bytes(data)

    with pytest.raises(MemoryRefused, match=reason):
        read(path)


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for name, reason in (("pipe", "not an ordinary file"), ("link", "a link"), ("absent", "No such file")):
        with pytest.raises(MemoryRefused, match=reason):
            read(tmp_path / name)


def test_a_folder_is_read_in_order_without_hidden_entries_caches_and_links(tmp_path):
    for name in ("b/c.md", "a.md", ".git/config", "b/__pycache__/c.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "b" / "circle").symlink_to(tmp_path)

    assert [path.relative_to(tmp_path).as_posix() for path in files_of(tmp_path)] == ["a.md", "b/c.md"]


def test_a_name_that_is_no_unicode_is_shown_with_a_mark(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.md")
    path.write_text("x")

    assert reading.shown(files_of(tmp_path)[0]).endswith("caf\ufffd.md")
