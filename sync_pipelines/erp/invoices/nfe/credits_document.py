"""A note as an element of `parsed_xmls` for the function `analyze-credits` (contract of the ERPs, section 3).

Made from the stored `raw_data` alone, so that the analysis needs no XML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: CST has two digits (three with the origin before them are not stored), CSOSN three.
_CSOSN_LENGTH = 3


def credits_document(raw_data: Mapping[str, Any]) -> dict[str, Any]:
    """The element of one note; numbers stay as they are in `raw_data`."""
    return {
        "chave_nfe": raw_data["chaveNfe"],
        "numero": raw_data["numero"],
        "data_emissao": raw_data["dataEmissao"],
        "cnpj_emitente": raw_data["emitenteCnpj"],
        "nome_emitente": raw_data["emitenteNome"],
        "itens": [_item(item) for item in raw_data["produtos"]],
    }


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    situation = item["cst_icms"]
    return {
        "ncm": item["ncm"],
        "cfop": item["cfop"],
        "cst_pis": item["cst_pis"],
        "cst_cofins": item["cst_cofins"],
        "cst_icms": situation,
        **({"csosn": situation} if len(situation) == _CSOSN_LENGTH else {}),
        "valor_pis": item["pis"],
        "valor_cofins": item["cofins"],
        "valor_icms": item["icms"],
        "valor_ipi": item["ipi"],
        "valor_icms_st": item["icms_st"],
        "credito_pis": item["credito_pis"],
        "credito_cofins": item["credito_cofins"],
        "credito_icms": item["credito_icms"],
        "valor_item": item["valorTotal"],
        "descricao": item["descricao"],
    }
