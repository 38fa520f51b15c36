"""The nineteen columns of the HITSS export, and which of them identify a line.

Measured in real exports: the same names and order in all of them, no natural key and no row id, and 520 rows that
repeat another one exactly and are real. So the key of a line is its content and its occurrence.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from sync_pipelines.lib.postgres.digest import Column, Kind

SHEET = "Dados"
REALIZADO = "Realizado"
ORCADO = "Orçado"
RECEITA = "RECEITA"
CUSTO = "CUSTO"

#: ContaResumo, and the only Natureza that it may carry.
NATUREZA_OF_CONTA = {
    "CLT": CUSTO,
    "Subcontratados": CUSTO,
    "Desoneração da Folha": CUSTO,
    "Receita Devengada": RECEITA,
    "Outros": CUSTO,
}

CellKind = Literal["text", "amount", "percent", "integer", "period"]


@dataclass(frozen=True)
class ExportColumn:
    """A column of the export.

    `people` marks who is responsible or employed. HITSS changes it on every row without any money moving, so it is no
    part of a line's key.
    """

    header: str
    name: str
    kind: CellKind = "text"
    required: bool = False
    people: bool = False


EXPORT_COLUMNS = (
    ExportColumn("Relatorio", "relatorio", required=True),
    ExportColumn("Tipo", "tipo"),
    ExportColumn("Cliente", "cliente"),
    ExportColumn("LinhaNegocio", "linha_negocio"),
    ExportColumn("ResponsavelArea", "responsavel_area", people=True),
    ExportColumn("ResponsavelDelivery", "responsavel_delivery", people=True),
    ExportColumn("ResponsavelDevengado", "responsavel_devengado", people=True),
    ExportColumn("IdHoms", "id_homs"),
    ExportColumn("CodigoProjeto", "codigo_projeto"),
    ExportColumn("Projeto", "projeto"),
    ExportColumn("FilialFaturamento", "filial_faturamento"),
    ExportColumn("Imposto", "imposto", kind="percent"),
    ExportColumn("ContaResumo", "conta_resumo", required=True),
    ExportColumn("DenominacaoConta", "denominacao_conta"),
    ExportColumn("IdRecurso", "id_recurso", kind="integer"),
    ExportColumn("Recurso", "recurso", people=True),
    ExportColumn("Lancamento", "lancamento", kind="amount", required=True),
    ExportColumn("Periodo", "periodo", kind="period", required=True),
    ExportColumn("Natureza", "natureza", required=True),
)
HEADERS = tuple(column.header for column in EXPORT_COLUMNS)
FINANCIAL = tuple(column.name for column in EXPORT_COLUMNS if not column.people)
PEOPLE = tuple(column.name for column in EXPORT_COLUMNS if column.people)

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("imposto", "lancamento", "valor", "valor_exato"), "number"),
    **dict.fromkeys(("id_recurso", "occurrence", "ano", "mes"), "integer"),
    "competencia": "date",
}


def digest_columns(names: tuple[str, ...]) -> tuple[Column, ...]:
    """The columns of these names, each with the kind that decides its canonical text."""
    return tuple(Column(name, _KINDS.get(name, "text")) for name in names)


def normalised(text: str) -> str:
    """A text for comparison only: without accents, case, and double, trailing or non-breaking spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(mark for mark in plain if not unicodedata.combining(mark)).casefold().split())
