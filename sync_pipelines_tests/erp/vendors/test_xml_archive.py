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
