"""An XML document that travels as text within another document, as bytes again."""

from __future__ import annotations

import html
import re

_DECLARED = re.compile(r"<\?xml[^>]*?encoding=[\"']([\w.-]+)[\"']")


def xml_bytes(text: str) -> bytes | None:
    """The document; None for an empty text. Some vendors escape it (`&lt;nfeProc`): one level is taken away.

    The bytes are in the encoding that the document declares, or a reader would take them for something else.
    """
    text = text.strip(" \t\r\n\ufeff")
    if text.startswith("&lt;"):
        text = html.unescape(text)
    if not text:
        return None
    declared = _DECLARED.match(text)
    try:
        return text.encode(declared.group(1) if declared else "utf-8")
    except (LookupError, UnicodeEncodeError):
        # The declaration is wrong: without it the document is UTF-8.
        undeclared = re.sub(r"^<\?xml[^>]*\?>", "", text)
        return undeclared.encode("utf-8", "surrogatepass")
