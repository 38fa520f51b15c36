"""What `xml_analysis` must hold of a note (contract of the ERPs, sections 2.5 and 3), by arithmetic of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from sync_pipelines.sandbox.erp.notes import NoteItem, Party, SandboxNote

Rows = list[dict[str, Any]]
#: The estimate of the application, in percent of the products' total.
_ESTIMATE: Final = {
    "cbs": Decimal("8.8"),
    "ibsUf": Decimal("9.65"),
    "ibsMun": Decimal("5.35"),
    "is": Decimal(0),
}
#: What the double of calculate-rtc makes of each line, in percent.
_CALCULATED: Final = {"cbs": Decimal("0.9"), "ibsUf": Decimal("0.1"), "ibsMun": Decimal(0), "is": Decimal(0)}
#: Whether parts are rounded before or after they are added up is nobody's rule.
_ROUNDING: Final = Decimal("0.011")
_LARGEST_PERCENT: Final = Decimal("999.99")


def rows_of(connection: psycopg.Connection[Any], query: str, *parameters: object) -> Rows:
    """Rows as dictionaries; numbers in JSON are exact."""
    cursor = connection.cursor(row_factory=dict_row)
    set_json_loads(lambda text: json.loads(text, parse_float=Decimal), cursor)
    return cursor.execute(query.encode(), parameters).fetchall()


def compared(what: str, row: Mapping[str, Any], meant: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each column that holds something else."""
    for column, value in meant.items():
        if row[column] != value:
            yield f"{what}: {column} is {row[column]!r}, not {value!r}"


def differences_of(note: SandboxNote, row: Mapping[str, Any], reform_by: str) -> Iterator[str]:
    """What a row of `xml_analysis` has else than it must."""
    key, totals = str(note.key), note.totals
    yield from compared(
        key,
        {
            **row,
            "recipient_cnpj": row["recipient_cnpj"] or None,
            "recipient_name": row["recipient_name"] or None,
        },
        {
            "xml_type": "NFe",
            "document_number": str(note.number),
            "document_series": str(note.series),
            "issue_date": note.issued_at,
            "issuer_cnpj": note.issuer.document,
            "issuer_name": note.issuer.name,
            "recipient_cnpj": note.recipient.document if note.recipient else None,
            "recipient_name": note.recipient.name if note.recipient else None,
            "items_count": len(note.items),
            "document_total": totals.total,
        },
    )
    yield from _raw_differences(key, note, row["raw_data"])
    yield from _tax_differences(key, note, row, reform_by=reform_by)


def _raw_differences(key: str, note: SandboxNote, raw: Mapping[str, Any]) -> Iterator[str]:
    totals, issuer = note.totals, note.issuer
    recipient = note.recipient or Party(name="", state="")
    meant = {
        "tipo": "NFe",
        "numero": str(note.number),
        "serie": str(note.series),
        "chaveNfe": key,
        "dataEmissao": note.issued_at.isoformat(),
        "naturezaOperacao": note.nature,
        "tipoOperacao": str(note.operation),
        "finalidadeNfe": note.purpose,
        "emitenteNome": issuer.name,
        "emitenteCnpj": issuer.document,
        "emitenteUf": issuer.state,
        "emitenteMunicipio": issuer.city,
        "destinatarioNome": recipient.name,
        "destinatarioCnpj": recipient.document or "",
        "destinatarioUf": recipient.state,
        "totalProdutos": products_total(note),
        "totalIcms": totals.icms,
        "totalPis": totals.pis,
        "totalCofins": totals.cofins,
        "totalIpi": totals.ipi,
        "totalIcmsSt": totals.st,
        "totalFrete": totals.freight,
        "totalNota": totals.total,
    }
    given = {name: raw.get(name) for name in meant}
    given |= {name: given[name] or "" for name in ("destinatarioNome", "destinatarioCnpj", "destinatarioUf")}
    yield from compared(f"{key}, raw_data", given, meant)
    lines = raw.get("produtos") or []
    if len(lines) != len(note.items):
        yield f"{key}: raw_data has {len(lines)} lines, not {len(note.items)}"
        return
    for item, line in zip(note.items, lines, strict=True):
        meant = _line(item)
        given = {name: line.get(name) for name in meant}
        yield from compared(f"{key}, line {item.number}", given, meant)


def _line(item: NoteItem) -> dict[str, Any]:
    taxes = item.taxes
    return {
        "numero": item.number,
        "ncm": item.ncm,
        "cfop": item.cfop,
        "cst_icms": taxes.icms_cst,
        "cst_pis": taxes.pis_cst,
        "cst_cofins": taxes.cofins_cst,
        "descricao": item.description,
        "quantidade": item.quantity,
        "unidade": item.unit,
        "valorUnitario": item.unit_price,
        "valorTotal": item.total,
        "icms": taxes.icms,
        "pis": taxes.pis,
        "cofins": taxes.cofins,
        "ipi": taxes.ipi,
        "icms_st": taxes.st,
        "credito_icms": 0,
        "credito_pis": 0,
        "credito_cofins": 0,
    }


def _tax_differences(key: str, note: SandboxNote, row: Mapping[str, Any], *, reform_by: str) -> Iterator[str]:
    totals = note.totals
    now = totals.icms + totals.pis + totals.cofins + totals.ipi
    current = {
        "icms": totals.icms,
        "pis": totals.pis,
        "cofins": totals.cofins,
        "ipi": totals.ipi,
        "icms_st": totals.st,
        "frete": totals.freight,
        "total": now,
    }
    yield from compared(
        f"{key}, current_taxes", {name: row["current_taxes"].get(name) for name in current}, current
    )
    if row["current_tax_total"] != now:
        yield f"{key}: current_tax_total is {row['current_tax_total']}, not {now}"
    reform, is_simulated = reform_of(note, reform_by)
    total = sum(reform.values(), Decimal(0))
    for name, value in {**reform, "total": total}.items():
        yield from _near(f"{key}, reform_taxes: {name}", row["reform_taxes"].get(name), value)
    yield from _near(f"{key}: reform_tax_total", row["reform_tax_total"], total)
    yield from _near(f"{key}: difference_value", row["difference_value"], total - now)
    percent = cents((total - now) / now * 100) if now else Decimal(0)
    yield from _percent_differences(key, row["difference_percent"], percent)
    if (row["analysis_data"] or {}).get("simulated", False) is not is_simulated:
        yield f"{key}: analysis_data says simulated {not is_simulated}"


def _percent_differences(key: str, held: Decimal | None, percent: Decimal) -> Iterator[str]:
    """Beyond numeric(5,2) it is empty; a cent more or less of a small tax is many hundredths of a percent."""
    if abs(percent) > _LARGEST_PERCENT + 1:
        if held is not None:
            yield f"{key}: difference_percent is {held}, and its column cannot hold {percent}"
    elif abs(percent) < _LARGEST_PERCENT - 1 and (held is None or abs(held - percent) > 1):
        yield f"{key}: difference_percent is {held}, not {percent}"


def reform_of(note: SandboxNote, reform_by: str) -> tuple[dict[str, Decimal], bool]:
    """The taxes of the reform, and whether they are an estimate: the note's own first."""
    own = [item.taxes.reform for item in note.items if item.taxes.reform]
    if own:
        return {
            "cbs": sum((one.cbs for one in own), Decimal(0)),
            "ibsUf": sum((one.ibs_state for one in own), Decimal(0)),
            "ibsMun": sum((one.ibs_city for one in own), Decimal(0)),
            "is": sum((one.selective for one in own), Decimal(0)),
        }, False
    if reform_by == "function":
        bases = [item.quantity * item.unit_price for item in note.items]
        rates = _CALCULATED.items()
        return {
            name: sum((cents(base * rate / 100) for base in bases), Decimal(0)) for name, rate in rates
        }, False
    products = products_total(note)
    return {name: cents(products * rate / 100) for name, rate in _ESTIMATE.items()}, True


def products_total(note: SandboxNote) -> Decimal:
    """VProd as the document has it: a note may state more than its lines add up to."""
    return note.totals.products + (1 if "total_off" in note.dirt else 0)


def cents(value: Decimal) -> Decimal:
    """Rounded as commerce does."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _near(what: str, held: Any, value: Decimal) -> Iterator[str]:
    if held is None or abs(Decimal(str(held)) - value) > _ROUNDING:
        yield f"{what} is {held}, not {value}"
