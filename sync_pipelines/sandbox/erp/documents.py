"""How the vendors write numbers of people, NCM, dates and JSON: the same company, in the manner of each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from starlette.responses import JSONResponse

from sync_pipelines.sandbox.erp.notes import Party

#: As some vendors write a moment that is not there.
NO_MOMENT = "0000-00-00 00:00:00"


class Json(JSONResponse):
    """An answer in JSON, written by the faster writer: documents are large, and there are thousands."""

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def formatted_cnpj(cnpj: str) -> str:
    """`12.ABC.345/01DE-35`."""
    return f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"


def formatted_document(party: Party) -> str:
    """CNPJ or CPF with punctuation; a foreigner has none."""
    if party.cnpj:
        return formatted_cnpj(party.cnpj)
    cpf = party.cpf
    return f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}" if cpf else ""


def dotted_ncm(ncm: str) -> str:
    """`9999.99.99`; what has not eight digits stays."""
    return f"{ncm[:4]}.{ncm[4:6]}.{ncm[6:]}" if len(ncm) == 8 and ncm.isdigit() else ncm


def dotted_cfop(cfop: str) -> str:
    """`5.102`."""
    return f"{cfop[0]}.{cfop[1:]}" if len(cfop) == 4 else cfop


def brazilian_date(moment: datetime | None) -> str:
    """`03/11/2026`; empty without one."""
    return f"{moment:%d/%m/%Y}" if moment else ""


def iso_moment(moment: datetime | None) -> str:
    """`2026-11-03 23:30:00`."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else NO_MOMENT


def number(amount: Decimal) -> float:
    """An amount as the JSON number that a vendor writes."""
    return float(amount)


def text_of(xml: bytes) -> str:
    """A document as text, by the encoding that it declares; a byte order mark stays, what is no text does not."""
    head = xml[:100].lower()
    return xml.decode("latin-1" if b"iso-8859-1" in head else "utf-8", "replace")
