"""Documents that are not as they should be (contract of the ERPs, section 13, traps 42, 43, 45 and 48), by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from sync_pipelines.sandbox.erp.nfe_events import cancellation_of

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.notes import SandboxNote

#: Just beyond what the application's bucket takes.
_TOO_LARGE: Final = 10 * 1024 * 1024 + 1
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
_UNKNOWN: Final = '<gGrupoNovo><xCampo versao="1">valor</xCampo></gGrupoNovo>'


def _another_digit(key: str) -> str:
    return f"{key[:-1]}{(int(key[-1]) + 1) % 10}"


def _entity_bomb(text: str, _note: SandboxNote) -> str:
    """Entities that double: 2 to the 30th times the text if a reader expands them."""
    entities = '<!ENTITY a0 "dez bytes.">' + "".join(
        f'<!ENTITY a{n} "&a{n - 1};&a{n - 1};">' for n in range(1, 31)
    )
    doctype = f"<!DOCTYPE nfeProc [{entities}]>"
    return text.replace(_DECLARATION, _DECLARATION + doctype).replace("<infCpl>", "<infCpl>&a30;")


def _external_entity(text: str, _note: SandboxNote) -> str:
    """An entity that names a file of the reader's machine."""
    doctype = '<!DOCTYPE nfeProc [<!ENTITY arquivo SYSTEM "file:///etc/hostname">]>'
    return text.replace(_DECLARATION, _DECLARATION + doctype).replace("<infCpl>", "<infCpl>&arquivo;")


def _bare(text: str, _note: SandboxNote) -> str:
    """The note without its protocol: nothing says that it was authorised."""
    start, end = text.index("<NFe>"), text.index("</NFe>") + len("</NFe>")
    note = text[start:end].replace("<NFe>", '<NFe xmlns="http://www.portalfiscal.inf.br/nfe">', 1)
    return _DECLARATION + note


def _other_issuer(text: str, _note: SandboxNote) -> str:
    """The issuer is not the one in the key."""
    start = text.index("<emit><CNPJ>") + len("<emit><CNPJ>")
    return f"{text[:start]}99888777000191{text[start + 14 :]}"


#: Changes of the text. A key with another digit is so wherever it stands.
TEXT_DIRT: Final[Mapping[str, Callable[[str, SandboxNote], str]]] = {
    "wrong_check_digit": lambda text, note: text.replace(str(note.key), _another_digit(str(note.key))),
    "id_differs": lambda text, note: text.replace(
        f'Id="NFe{note.key}"', f'Id="NFe{_another_digit(str(note.key))}"'
    ),
    "id_without_prefix": lambda text, note: text.replace(f'Id="NFe{note.key}"', f'Id="{note.key}"'),
    "other_issuer": _other_issuer,
    "bare": _bare,
    "unknown_tag": lambda text, _: text.replace("</imposto>", f"{_UNKNOWN}</imposto>"),
    "total_off": lambda text, note: text.replace(
        f"<vProd>{note.totals.products:.2f}</vProd><vFrete>",
        f"<vProd>{note.totals.products + 1:.2f}</vProd><vFrete>",
    ),
    "entity_bomb": _entity_bomb,
    "external_entity": _external_entity,
    "too_large": lambda text, _: text.replace("<infCpl>", f"<infCpl>{'x' * _TOO_LARGE}"),
    "truncated": lambda text, _: text[: len(text) // 2],
    "not_xml": lambda *_: "<!doctype html><html><body>Sessao expirada<br></body></html>",
    "empty": lambda *_: "",
}
#: Encodings; a reader has to take these.
_ENCODINGS: Final = ("latin1", "bom")
DIRT: Final = (*TEXT_DIRT, *_ENCODINGS, "event")
#: Dirt with which a document can still be trusted.
HARMLESS: Final = frozenset({"unknown_tag", "total_off", *_ENCODINGS})


def soiled(text: str, note: SandboxNote) -> bytes:
    """A document with the dirt that its note wants. Raises ValueError for dirt that is not known."""
    if unknown := note.dirt - set(DIRT):
        raise ValueError(f"There is no dirt {', '.join(sorted(unknown))}. Known: {', '.join(DIRT)}.")
    if "event" in note.dirt:
        return cancellation_of(note)
    for name, change in TEXT_DIRT.items():
        if name in note.dirt:
            text = change(text, note)
    if "latin1" in note.dirt:
        return text.replace('encoding="UTF-8"', 'encoding="ISO-8859-1"').encode("iso-8859-1")
    return (b"\xef\xbb\xbf" if "bom" in note.dirt else b"") + text.encode()
