"""Links to XML files: where they may lead, what may come, and what is never sent along."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import httpx
import pytest

from sync_pipelines.erp.vendors.vendor import Invoice, InvoiceState, InvoiceXml
from sync_pipelines.erp.vendors.xml_links import HIGHEST_RATIO, LARGEST, Origins, UntrustedLinkError, XmlLinks
from sync_pipelines.lib.failures import RefusedError, SyncError, TransientError
from sync_pipelines_tests.erp.vendors.bling_account import BlingWorld, listed
from sync_pipelines_tests.sandbox.erp.vendors.clients import key_of, note

ORIGINS = Origins.of({"www.bling.example"}, ["http://127.0.0.1:8401/Api/v3", "https://proxy.example:8443"])
XML = b'<?xml version="1.0"?><nfeProc/>'


class File(NamedTuple):
    """An answer: its body is packed as `packed` says."""

    body: bytes = b""
    status: int = 200
    packed: str = "identity"
    location: str | None = None


class Files:
    """Answers in a transport, the last one again and again; what was asked for is kept."""

    def __init__(self, *answers: File) -> None:
        self.answers, self.asked = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        file = self.answers[min(len(self.asked), len(self.answers)) - 1]
        headers = {"Content-Encoding": file.packed, **({"Location": file.location} if file.location else {})}
        return httpx.Response(file.status, headers=headers, stream=httpx.ByteStream(file.body))


@pytest.fixture
def fetch() -> Iterator[Callable[..., bytes | None]]:
    opened: list[XmlLinks] = []

    def fetch(files: Files, url: str = "https://www.bling.example/nfe.xml?chave=1") -> bytes | None:
        transport = httpx.MockTransport(files)
        links = XmlLinks(
            ORIGINS, name="Bling (XML)", transport=transport, sleep=lambda _: None, jitter=lambda: 0.0
        )
        opened.append(links)
        return links.fetch(url)

    yield fetch
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://www.bling.example/relatorios/nfe.xml.php?chave=1",
        "https://WWW.Bling.Example:443/nfe.xml",
        "http://127.0.0.1:8401/files/nfe.xml",
        "http://localhost:8401/files/nfe.xml",
        "https://proxy.example:8443/nfe.xml",
    ],
)
def test_links_to_the_vendor_are_followed(fetch: Callable[..., bytes | None], url: str) -> None:
    files = Files(File(XML))
    assert fetch(files, url) == XML
    assert {"authorization", "cookie"}.isdisjoint(files.asked[0].headers)


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/nfe.xml",
        "https://bling.example/nfe.xml",
        "https://www.bling.example.attacker.example/nfe.xml",
        "https://attacker.example/?www.bling.example",
        "http://www.bling.example/nfe.xml",
        "https://www.bling.example:8443/nfe.xml",
        "http://127.0.0.1:5432/",
        "https://127.0.0.1:8401/",
        "http://localhost:8402/",
        "http://169.254.169.254/latest/meta-data/",
        "https://user:password@www.bling.example/nfe.xml",
        "https://www.bling.example@files.example/nfe.xml",
        "http://user@127.0.0.1:8401/",
        "file:///etc/passwd",
        "ftp://www.bling.example/nfe.xml",
        "//files.example/nfe.xml",
        "/nfe.xml",
        "nfe.xml",
        "http://[",
        "https://www.bling.example:port/",
        "https://www.bling.example:0/",
        "https://www.bling.example\\@files.example/nfe.xml",
        "https://www.bling.example\t.attacker.example/",
    ],
)
def test_links_elsewhere_are_not_followed(fetch: Callable[..., bytes | None], url: str) -> None:
    files = Files(File(XML))
    with pytest.raises(UntrustedLinkError) as caught:
        fetch(files, url)
    assert files.asked == []
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "is_followed"),
    [
        ("https://www.bling.example/other.xml", True),
        ("/other.xml", True),
        ("https://files.example/other.xml", False),
        ("http://www.bling.example/other.xml", False),
        ("http://127.0.0.1:5432/", False),
    ],
)
def test_a_redirect_is_a_link_as_well(
    fetch: Callable[..., bytes | None], location: str, is_followed: bool
) -> None:
    files = Files(File(status=302, location=location), File(XML))
    if is_followed:
        assert fetch(files) == XML
        return
    with pytest.raises(UntrustedLinkError):
        fetch(files)
    assert len(files.asked) == 1


def test_redirects_come_to_an_end(fetch: Callable[..., bytes | None]) -> None:
    files = Files(File(status=302, location="/again"))
    with pytest.raises(UntrustedLinkError, match="redirects for ever"):
        fetch(files)
    assert len(files.asked) == 4


@pytest.mark.parametrize("status", [404, 410])
def test_no_file_is_none(fetch: Callable[..., bytes | None], status: int) -> None:
    assert fetch(Files(File(b"no", status))) is None


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_none(fetch: Callable[..., bytes | None], body: bytes) -> None:
    assert fetch(Files(File(body))) is None


def test_a_file_may_be_as_large_as_the_bucket_takes(fetch: Callable[..., bytes | None]) -> None:
    assert len(fetch(Files(File(b"<" * LARGEST))) or b"") == LARGEST
    with pytest.raises(UntrustedLinkError, match=f"more than {LARGEST} bytes"):
        fetch(Files(File(b"<" * (LARGEST + 1))))


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_packed_file_is_unpacked(
    fetch: Callable[..., bytes | None], encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    assert fetch(Files(File(pack(XML), packed=encoding))) == XML


def test_a_file_that_unpacks_without_end_is_not_taken(fetch: Callable[..., bytes | None]) -> None:
    bomb = gzip.compress(b" " * (8 << 20))
    assert len(bomb) * HIGHEST_RATIO < 8 << 20
    with pytest.raises(UntrustedLinkError, match=f"more than {HIGHEST_RATIO} times its size"):
        fetch(Files(File(bomb, packed="gzip")))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (File(status=503), TransientError),
        (File(b"<!DOCTYPE html><html>login</html>"), TransientError),
        (File(gzip.compress(XML)[:-6], packed="gzip"), TransientError),
        (File(XML, packed="gzip"), TransientError),
        (File(XML, packed="br"), UntrustedLinkError),
        (File(status=401), UntrustedLinkError),
        (File(status=403), UntrustedLinkError),
        (File(status=400), UntrustedLinkError),
    ],
)
def test_a_file_that_is_refused_says_nothing_of_the_credentials(
    fetch: Callable[..., bytes | None], answer: File, error: type[SyncError]
) -> None:
    with pytest.raises(error) as caught:
        fetch(Files(answer))
    assert not isinstance(caught.value, RefusedError)
    assert "chave=1" not in str(caught.value)


LISTED = Invoice(
    "7001", InvoiceState.AUTHORISED, issued_on=note(7001).issued_at.date(), key=key_of(1), model="55"
)


def test_an_invoice_has_its_document_by_the_link_in_the_detail(bling: BlingWorld) -> None:
    one = bling.company.add_note(note(7001))
    with bling.open() as vendor:
        [found] = listed(vendor)
        assert vendor.invoice_xml(found) == InvoiceXml(key_of(1), one.xml(), InvoiceState.AUTHORISED)
        assert vendor.calls == 5
    assert bling.fake.calls.count("xml") == 1


def test_the_key_may_stand_in_the_detail_alone(bling: BlingWorld) -> None:
    bling.company.add_note(note(7001))
    with bling.open() as vendor:
        assert vendor.invoice_xml(LISTED._replace(key=None)).key == key_of(1)
        bling.fake.fail("invoice_without_key")
        assert vendor.invoice_xml(LISTED).key == key_of(1)


def test_what_is_gone_or_not_issued_has_no_document(bling: BlingWorld) -> None:
    bling.company.add_note(note(7002, state="unissued"))
    with bling.open() as vendor:
        assert vendor.invoice_xml(LISTED) == InvoiceXml(key_of(1), None)
        unissued = vendor.invoice_xml(LISTED._replace(vendor_id="7002", key=None))
        assert (unissued.xml, unissued.state) == (None, InvoiceState.UNISSUED)
    assert bling.fake.calls.count("xml") == 0


@pytest.mark.parametrize(
    "fault",
    [
        *(
            "link_foreign",
            "link_plain",
            "link_other_port",
            "link_user",
            "link_metadata",
            "link_file",
            "link_bad",
        ),
        "link_relative",
    ],
)
def test_a_link_that_leads_astray_is_not_followed(bling: BlingWorld, fault: str) -> None:
    bling.company.add_note(note(7001))
    bling.fake.fail(f"invoice_{fault}")
    with bling.open() as vendor, pytest.raises(UntrustedLinkError):
        vendor.invoice_xml(LISTED)
    assert bling.fake.foreign_calls == []


def test_an_invoice_without_a_link_has_no_document(bling: BlingWorld) -> None:
    bling.company.add_note(note(7001))
    bling.fake.fail("invoice_link_nowhere")
    with bling.open() as vendor:
        assert vendor.invoice_xml(LISTED).xml is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("xml_bomb", UntrustedLinkError),
        ("xml_huge", UntrustedLinkError),
        ("xml_redirect", UntrustedLinkError),
        ("xml_redirect_other_port", UntrustedLinkError),
        ("xml_redirect_loop", UntrustedLinkError),
        ("xml_page", TransientError),
        ("xml_cut", TransientError),
        ("xml_server_error", TransientError),
        ("invoice_of_another", TransientError),
    ],
)
def test_what_is_no_file_is_not_taken(bling: BlingWorld, fault: str, error: type[SyncError]) -> None:
    bling.company.notes += [note(7001), note(7002)]
    bling.fake.fail(fault)
    with bling.open() as vendor, pytest.raises(error):
        vendor.invoice_xml(LISTED)
    assert bling.fake.foreign_calls == []


def test_a_packed_file_of_the_vendor_is_unpacked(bling: BlingWorld) -> None:
    one = bling.company.add_note(note(7001))
    bling.fake.fail("xml_packed")
    with bling.open() as vendor:
        assert vendor.invoice_xml(LISTED).xml == one.xml()
