"""XML that travels as text: its bytes are those that its declaration promises."""

from __future__ import annotations

import pytest

from sync_pipelines.erp.vendors.xml_text import xml_bytes

LATIN = '<?xml version="1.0" encoding="ISO-8859-1"?>'


@pytest.mark.parametrize(
    ("text", "xml"),
    [
        ("<a>ã</a>", "<a>ã</a>".encode()),
        ("&lt;a&gt;x &amp;amp; y&lt;/a&gt;", b"<a>x &amp; y</a>"),
        ("\ufeff <a/> ", b"<a/>"),
        (
            '<?xml version="1.0" encoding="ISO-8859-1"?><a>ã</a>',
            b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe3</a>',
        ),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>€ ☃</a>', "<a>€ ☃</a>".encode()),
        ('<?xml version="1.0" encoding="klingon"?><a>ã</a>', "<a>ã</a>".encode()),
        ("", None),
        (" \ufeff ", None),
    ],
)
def test_the_bytes_of_a_text(text: str, xml: bytes | None) -> None:
    assert xml_bytes(text) == xml
