"""A ZIP of a vendor is untrusted: bounded before it is unpacked, and each refusal says why (trap 25)."""

from __future__ import annotations

import struct
from io import BytesIO
from random import Random
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from sync_pipelines.erp.vendors.xml_archive import (
    LARGEST,
    LARGEST_FILE,
    MOST_FILES,
    ArchivedInvoice,
    UntrustedArchiveError,
    is_archive,
    read_archive,
)

KEY = "35261112ABC34501DE35550010000000771192837464"
OTHER = "35261112ABC34501DE35550010000000781192837461"
NAMESPACE = "http://www.portalfiscal.inf.br/nfe"
NOTE = f'<nfeProc xmlns="{NAMESPACE}"><NFe><infNFe Id="NFe{KEY}"/></NFe></nfeProc>'.encode()
ANOTHER = NOTE.replace(KEY.encode(), OTHER.encode())
EVENT = f'<procEventoNFe xmlns="{NAMESPACE}"><evento/></procEventoNFe>'.encode()


def packed(*files: tuple[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    made = BytesIO()
    with ZipFile(made, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def read(content: bytes) -> ArchivedInvoice:
    return read_archive(content, key=KEY, what="Conta Azul (notas-fiscais)")


def with_flag(content: bytes) -> bytes:
    """The archive with its first file marked as encrypted, in the archive's directory."""
    place = content.index(b"PK\x01\x02") + 8
    return content[:place] + struct.pack("<H", 1) + content[place + 2 :]


def with_size(content: bytes, size: int) -> bytes:
    """The archive with another size of its first file, in the archive's directory."""
    place = content.index(b"PK\x01\x02") + 24
    return content[:place] + struct.pack("<I", size) + content[place + 4 :]


def test_a_note_and_its_events_are_told_apart_by_what_they_are() -> None:
    content = packed(("EVENTO_1.xml", NOTE), ("XML_1.xml", EVENT), ("x", EVENT))
    assert is_archive(content)
    assert not is_archive(NOTE)
    assert read(content) == ArchivedInvoice(NOTE, (EVENT, EVENT))


def test_an_archive_may_hold_events_alone_or_nothing() -> None:
    assert read(packed(("EVENTO_1.xml", EVENT))) == ArchivedInvoice(None, (EVENT,))
    assert read(packed(("XML_1.xml", b"no XML"))) == ArchivedInvoice(b"no XML")


def test_of_several_notes_that_of_the_key_counts() -> None:
    assert read(packed(("XML_1.xml", ANOTHER), ("XML_2.xml", NOTE))).note == NOTE
    with pytest.raises(UntrustedArchiveError, match="several documents, and 0 of this key"):
        read(packed(("XML_1.xml", ANOTHER), ("XML_2.xml", ANOTHER)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (packed(("../XML_1.xml", NOTE)), "leads elsewhere"),
        (packed(("/etc/XML_1.xml", NOTE)), "leads elsewhere"),
        (packed(("notas\\XML_1.xml", NOTE)), "leads elsewhere"),
        (packed(("C:XML_1.xml", NOTE)), "leads elsewhere"),
        (packed(("notas/", b"")), "leads elsewhere"),
        (packed(("a" * 200, NOTE)), "leads elsewhere"),
        (packed(("XML\x01.xml", NOTE)), "leads elsewhere"),
        (packed(("XML_1.xml", NOTE), ("xml_1.XML", EVENT)), "two files of one name"),
        (packed(*((f"XML_{number}.xml", NOTE) for number in range(MOST_FILES + 1))), "more than 50 files"),
        (packed(("XML_1.xml", packed(("XML_1.xml", NOTE)))), "another archive"),
        (packed(("XML_1.xml", b" " * (1 << 20))), "200 times its size"),
        (with_size(packed(("XML_1.xml", NOTE)), LARGEST_FILE + 1), "unpacks to more than"),
        (with_size(packed(("XML_1.xml", NOTE)), 3), "cut, garbled"),
        (with_flag(packed(("XML_1.xml", NOTE))), "is encrypted"),
        (packed(("XML_1.xml", NOTE), method=ZIP_BZIP2), "unusual way"),
        (packed(("XML_1.xml", NOTE))[:-10], "cut, garbled"),
        (packed(("XML_1.xml", NOTE), method=ZIP_STORED).replace(b"infNFe", b"infNFf", 1), "cut, garbled"),
        (b"PK\x03\x04" + b"\0" * LARGEST, "more than 10485760 bytes"),
        (b"PK\x03\x04", "cut, garbled"),
    ],
)
def test_what_is_no_archive_of_an_invoice_is_refused_with_the_reason(content: bytes, words: str) -> None:
    with pytest.raises(UntrustedArchiveError, match=rf"^Conta Azul \(notas-fiscais\): the ZIP .*{words}"):
        read(content)


def test_a_large_document_is_taken() -> None:
    large = NOTE + Random(1).randbytes(3 << 20)
    assert read(packed(("XML_1.xml", large))).note == large


@pytest.mark.parametrize("mark", [b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04"])
def test_a_mark_that_stands_in_a_packed_file_by_chance_means_nothing(mark: bytes) -> None:
    note = NOTE + b"<!-- " + mark * 60 + b" -->"
    content = packed(("XML_1.xml", note), ("EVENTO_1.xml", EVENT), method=ZIP_STORED)
    assert read(content) == ArchivedInvoice(note, (EVENT,))


def streamed(*files: tuple[str, bytes], comment: bytes = b"") -> bytes:
    """An archive as it is written where nobody can go back: the sizes follow each file."""

    class Stream(BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    made = Stream()
    with ZipFile(made, "w", ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
        archive.comment = comment
    return made.getvalue()


def test_an_archive_that_was_streamed_or_has_a_comment_is_read() -> None:
    for comment in (b"", b"notas de novembro"):
        content = streamed(("XML_1.xml", NOTE), ("EVENTO_1.xml", EVENT), comment=comment)
        assert read(content) == ArchivedInvoice(NOTE, (EVENT,))


def hidden(
    *, ahead: bytes = b"", between: bytes = b"", counted: int | None = None, comment: bytes = b""
) -> bytes:
    """An archive of a note with something that one reader sees and another does not."""
    content = packed(("XML_1.xml", NOTE))
    list_at, end_at = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    size, first = struct.unpack_from("<2L", content, end_at + 12)
    count = 1 if counted is None else counted
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, first + len(between), len(comment))
    return ahead + content[:list_at] + between + content[list_at:end_at] + end + comment


@pytest.mark.parametrize(
    "content",
    [
        hidden(ahead=packed(("EVENTO_1.xml", EVENT))),
        hidden(between=packed(("EVENTO_1.xml", EVENT))),
        hidden(between=packed(("EVENTO_1.xml", EVENT)).split(b"PK\x01\x02", maxsplit=1)[0]),
        hidden(counted=2),
        hidden(counted=0),
        hidden(comment=packed(("EVENTO_1.xml", EVENT))),
        hidden(comment=b"PK\x05\x06"),
        hidden() + b"\0",
    ],
)
def test_what_two_readers_would_read_differently_is_refused(content: bytes) -> None:
    assert read(hidden()).note == NOTE
    with pytest.raises(UntrustedArchiveError, match="cut, garbled"):
        read(content)


def test_no_change_of_a_byte_is_anything_but_a_refusal_or_a_document() -> None:
    content = packed(("XML_1.xml", NOTE), ("EVENTO_1.xml", EVENT))
    random = Random("archive")
    for _ in range(400):
        place = random.randrange(4, len(content))
        changed = content[:place] + bytes([random.randrange(256)]) + content[place + 1 :]
        try:
            assert read(changed) == ArchivedInvoice(NOTE, (EVENT,))
        except UntrustedArchiveError as error:
            assert KEY not in str(error)
