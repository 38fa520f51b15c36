"""A note in the shape of `xml_analysis.raw_data` (contract of the ERPs, section 2.5): what the analyses really read."""

from __future__ import annotations

from sync_pipelines.erp.invoices.nfe.items import Item, PlainTexts
from sync_pipelines.erp.invoices.nfe.note import Party, RawData, Totals

TYPE = "NFe"
_NOBODY = Party(taxpayer=None, name="", state="", city="")


def raw_data(
    key: str, ide: PlainTexts, issuer: Party, *, recipient: Party | None, totals: Totals, items: list[Item]
) -> RawData:
    """Texts as in the XML, numbers as Decimal; the CNPJ of a party that has none is its CPF."""
    other = recipient or _NOBODY
    return {
        "tipo": TYPE,
        "numero": ide.get("nNF", ""),
        "serie": ide.get("serie", ""),
        "chaveNfe": key,
        "dataEmissao": ide.get("dhEmi", ""),
        "naturezaOperacao": ide.get("natOp", ""),
        "tipoOperacao": ide.get("tpNF", ""),
        "finalidadeNfe": ide.get("finNFe", ""),
        "emitenteNome": issuer.name,
        "emitenteCnpj": issuer.taxpayer or "",
        "emitenteUf": issuer.state,
        "emitenteMunicipio": issuer.city,
        "destinatarioNome": other.name,
        "destinatarioCnpj": other.taxpayer or "",
        "destinatarioUf": other.state,
        "totalProdutos": totals.products,
        "totalIcms": totals.icms,
        "totalPis": totals.pis,
        "totalCofins": totals.cofins,
        "totalIpi": totals.ipi,
        "totalIcmsSt": totals.icms_st,
        "totalFrete": totals.freight,
        "totalNota": totals.note,
        "produtos": items,
    }
