"""The columns of the export's one sheet, and the row that the whole fake works with."""

from typing import Final

Cell = str | float | int | None
Row = tuple[Cell, ...]  # 19 values in the order of HEADERS; None is a cell that the XML does not have

HEADERS: Final = (
    "Relatorio",
    "Tipo",
    "Cliente",
    "LinhaNegocio",
    "ResponsavelArea",
    "ResponsavelDelivery",
    "ResponsavelDevengado",
    "IdHoms",
    "CodigoProjeto",
    "Projeto",
    "FilialFaturamento",
    "Imposto",
    "ContaResumo",
    "DenominacaoConta",
    "IdRecurso",
    "Recurso",
    "Lancamento",
    "Periodo",
    "Natureza",
)
SHEET: Final = "Dados"

RELATORIO: Final = HEADERS.index("Relatorio")
CLIENTE: Final = HEADERS.index("Cliente")
RESPONSAVEL_AREA: Final = HEADERS.index("ResponsavelArea")
CODIGO_PROJETO: Final = HEADERS.index("CodigoProjeto")
CONTA_RESUMO: Final = HEADERS.index("ContaResumo")
DENOMINACAO: Final = HEADERS.index("DenominacaoConta")
ID_RECURSO: Final = HEADERS.index("IdRecurso")
RECURSO: Final = HEADERS.index("Recurso")
LANCAMENTO: Final = HEADERS.index("Lancamento")
PERIODO: Final = HEADERS.index("Periodo")
NATUREZA: Final = HEADERS.index("Natureza")

REALIZADO: Final = "Realizado"
ORCADO: Final = "Orçado"
CUSTO: Final = "CUSTO"
RECEITA: Final = "RECEITA"

CLT: Final = "CLT"
SUBCONTRATADOS: Final = "Subcontratados"
DESONERACAO: Final = "Desoneração da Folha"
RECEITA_DEVENGADA: Final = "Receita Devengada"
OUTROS: Final = "Outros"


def month_number(text: str) -> int:
    """The months since year 0 of `YYYY-MM`; consecutive months are consecutive numbers."""
    year, _, month = text.partition("-")
    if not (
        len(year) == 4 and year.isdigit() and len(month) == 2 and month.isdigit() and 1 <= int(month) <= 12
    ):
        raise ValueError(f"A month is written YYYY-MM, such as 2024-08; got {text!r}.")
    return int(year) * 12 + int(month) - 1


def period(month: int) -> str:
    """A month number the way the export writes it: `M/YYYY`, no leading zero."""
    return f"{month % 12 + 1}/{month // 12}"


def period_month(text: Cell) -> int:
    """The month number of an `M/YYYY` cell; ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError(f"A period is text such as 8/2024; got {text!r}.")
    month, _, year = text.partition("/")
    return month_number(f"{year}-{int(month):02d}")
