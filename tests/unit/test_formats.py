"""Formats: what files of each kind become, and that a bad one is a sentence."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batos.errors import MemoryRefused
from batos.memory.formats import CONVERTERS, convert
from batos.memory.reading import read, read_all

Document = pytest.importorskip("docx").Document
pytest.importorskip("bs4")
pypdf = pytest.importorskip("pypdf")
DecodedStreamObject, DictionaryObject, NameObject = (
    getattr(pypdf.generic, name) for name in ("DecodedStreamObject", "DictionaryObject", "NameObject")
)

HTML = """<html><head><title>Owls</title><style>p { color: red }</style></head><body><nav>menu</nav>
<h1>Owls</h1><p>They sleep <b>by day</b>.</p><script>alert(1)</script><h2>Food</h2><ul><li>mice</li></ul>
<pre>def hoot():
    pass</pre></body></html>"""


def pdf(text, password=None):
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 300)
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def docx():
    document = Document()
    document.add_heading("Owls", 1)
    document.add_paragraph("They sleep by day.")
    document.add_paragraph("mice", style="List Bullet")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "eyes", "two"
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def zipped(files):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return written.getvalue()


def tarred(files):
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return written.getvalue()


def test_html_becomes_markdown_without_what_is_not_read():
    text, media = convert(".html", HTML.encode(), "a.html")

    assert media == "markdown"
    assert text == "# Owls\n\nThey sleep by day .\n\n## Food\n\n- mice\n\n```\ndef hoot():\n    pass\n```"


def test_the_text_of_a_pdf_is_read():
    assert convert(".pdf", pdf("Owls sleep by day."), "a.pdf") == ("Owls sleep by day.", "markdown")
    assert len(pypdf.PdfReader(io.BytesIO(pdf("x"))).pages) == 1


def test_a_docx_keeps_its_headings_lists_and_tables():
    text, _ = convert(".docx", docx(), "a.docx")

    assert text == "# Owls\n\nThey sleep by day.\n\n- mice\n\n| eyes | two |"


@pytest.mark.parametrize(
    "suffix, data, reason",
    [
        (".pdf", pdf("secret", password="owl"), "protected by a password"),
        (".pdf", b"%PDF-1.7 nothing", "damaged"),
        (".docx", b"PK nothing", "damaged"),
        (".docx", zipped({"word/document.xml": b"0" * 2**21}), "unpacks to 2 MiB"),
        (".docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "protected by a password, or"),
        (".html", b"<script>alert(1)</script>", "no text"),
    ],
)
def test_a_bad_file_is_a_sentence(suffix, data, reason):
    with pytest.raises(MemoryRefused, match=reason):
        convert(suffix, data, "a file")


@given(st.sampled_from(sorted(CONVERTERS)), st.binary(max_size=400))
def test_no_bytes_are_an_error_of_another_kind(suffix, data):
    try:
        text, _ = convert(suffix, data, "a file")
    except MemoryRefused:
        return
    assert text.strip()


def test_json_lines_with_speakers_are_a_conversation(tmp_path):
    path = tmp_path / "talk.jsonl"
    turns = [
        {"role": "user", "content": "Hello?", "timestamp": 1683554160},
        {"role": "assistant", "content": "Yes.\nGo on."},
    ]
    path.write_text("\n".join(map(json.dumps, turns)))

    found = read(path)

    assert found.media == "chat"
    assert found.text == "user (8 May 2023, 13:56): Hello?\nassistant: Yes.\n  Go on.\n"


def test_json_lines_without_speakers_are_records(tmp_path):
    path = tmp_path / "owls.jsonl"
    path.write_text('{"name": "barn owl", "eyes": 2}\n"just text"\n')

    assert read(path).text == "name: barn owl\neyes: 2\n\njust text"


def test_broken_json_lines_are_refused_with_the_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{broken\n')

    with pytest.raises(MemoryRefused, match="line 2 is no JSON"):
        read(path)


@pytest.mark.parametrize("name, pack", [("a.zip", zipped), ("a.tar.gz", tarred)])
def test_an_archive_is_read_file_by_file_and_a_bad_one_is_told(tmp_path, name, pack):
    path = tmp_path / name
    files = {"notes/b.md": b"# B", "a.txt": b"A", "c.bin": b"\0\1", ".hidden": b"x", "../../up.txt": b"up"}
    path.write_bytes(pack(files))

    found = list(read_all(path))

    read_ = {str(one.source.relative_to(path)): one.text for one in found if not isinstance(one, MemoryRefused)}
    assert read_ == {"notes/b.md": "# B", "a.txt": "A", "up.txt": "up"}
    assert ["binary" in str(one) for one in found if isinstance(one, MemoryRefused)] == [True]


def test_an_archive_that_would_unpack_to_far_more_is_refused(tmp_path):
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped({"a.txt": b"0" * 2**22}))

    with pytest.raises(MemoryRefused, match="unpacks to 4 MiB"):
        list(read_all(path))


def test_a_tar_that_would_unpack_to_far_more_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.tar.gz"
    header = tarfile.TarInfo("a.txt")
    header.size = 2**40
    path.write_bytes(gzip.compress(header.tobuf() + b"0" * 2**20))

    with pytest.raises(MemoryRefused, match="unpacks to 1,048,576 MiB or more"):
        list(read_all(path))


def test_a_locked_archive_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "locked.zip"
    data = bytearray(zipped({"a.txt": b"secret"}))
    data[6] |= 1  # the flag in the member's own header, and in that of the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    with pytest.raises(MemoryRefused, match="protected by a password"):
        list(read_all(path))


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
def test_what_is_no_archive_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"no archive at all" * 40)

    with pytest.raises(MemoryRefused, match="no archive"):
        list(read_all(path))
