"""Documents of 20 items: ours beside a bare pass of lxml and beside the bindings of nfelib.

The bare pass is `fromstring`, then one `iter()` that reads tag and text: it keeps nothing and checks nothing. Ours is
`read_document`: safe reading, the checks against the access key, every field of `raw_data` with exact decimals. The
bindings are what nfelib generated for xsdata, read with one shared context and the fastest of xsdata's readers; nothing
is flattened out of them. All read the same documents in interleaved rounds of one process; CPU time, medians of ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date
from statistics import median

from lxml import etree
from nfelib.nfe.bindings.v4_0.proc_nfe_v4_00 import NfeProc  # type: ignore[import-untyped]
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.parsers.handlers import LxmlEventHandler, XmlEventHandler

from sync_pipelines.erp.invoices.nfe.document import read_document
from sync_pipelines.sandbox.erp.year import made_up_company

ITEMS = 20
Read = Callable[[bytes], object]


def measure(rounds: int) -> None:
    """Print documents a second and ratios."""
    company = made_up_company(1, until=date(2026, 10, 31), months=1, lines=ITEMS)
    good = [note for note in company.notes if note.key and note.model == "55" and note.environment == "1"]
    documents = [note.xml() for note in good]
    size = sum(map(len, documents)) / len(documents)
    print(f"parse: {len(documents)} documents of {ITEMS} items, {size / 1000:.0f} kB each, {rounds} rounds")
    bindings = _fastest_bindings(documents[:2])
    for document in documents:  # the first of a kind pays for imports and caches
        _bare_pass(document)
        read_document(document)
    times = [
        (
            _seconds(_bare_pass, documents),
            _seconds(read_document, documents),
            _seconds(bindings, documents[:2]),
        )
        for _ in range(rounds)
    ]
    for name, place in (("bare pass", 0), ("ours", 1), ("bindings", 2)):
        print(f"  {name:10} {1 / median(one[place] for one in times):8.0f} documents/s")
    print(f"  ours: {median(bare / ours for bare, ours, _ in times):.2f} of the speed of the bare pass")
    print(f"  ours: {median(bound / ours for _, ours, bound in times):.1f} times the speed of the bindings")


def _bare_pass(document: bytes) -> None:
    for element in etree.fromstring(document).iter():
        element.tag, element.text  # noqa: B018


def _fastest_bindings(documents: Sequence[bytes]) -> Read:
    """The fastest of xsdata's readers, each with a context that has read the documents once."""
    readers = {}
    for handler in (LxmlEventHandler, XmlEventHandler):
        config = ParserConfig(fail_on_unknown_properties=False)
        parser = XmlParser(context=XmlContext(), config=config, handler=handler)

        def read(document: bytes, parser: XmlParser = parser) -> object:
            return parser.from_bytes(document, NfeProc)

        _seconds(read, documents)
        readers[min(_seconds(read, documents) for _ in range(3))] = (handler.__name__, read)
    name, fastest = readers[min(readers)]
    print(f"  the fastest bindings are read by {name}")
    return fastest


def _seconds(read: Read, documents: Sequence[bytes]) -> float:
    """CPU seconds a document."""
    begun = time.process_time()
    for document in documents:
        read(document)
    return (time.process_time() - begun) / len(documents)
