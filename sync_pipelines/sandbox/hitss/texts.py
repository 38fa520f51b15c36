"""Account texts with the export's dirt: encoded twice, from the wrong code page, cut, padded."""

from random import Random
from typing import Final

RELIEF: Final = "DESONERAÇÃO DA FOLHA DE PAGAMENTO"
# UTF-8 read as Latin-1 and saved again: every accent becomes two characters, the second a C1 control.
RELIEF_TWICE_ENCODED: Final = RELIEF.encode().decode("latin-1")
# A CP1250 font of the ledger system: `Ã` and `Õ` arrive as `Ă` and `Ő`.
RELIEF_WRONG_PAGE: Final = RELIEF.replace("Ã", "Ă").replace("Õ", "Ő")
RELIEF_ADJUSTMENTS: Final = (
    "AJUSTE DESONERAÇĂO",
    "ESTORNO DESONERAÇÃO DA FOLHA",
    "RECLASSIFICAÇÃO DESONERAÇÕES",
)

PAYROLL: Final = (("CLT", 85), ("Hora Extra", 13), ("Férias", 1.5), ("", 0.5))
SUNDRIES: Final = (
    "Telefonia Móvel",
    "Táxi / Aplicativo",
    "Combustível",
    "Conserto de PC",
    "Alimentação",
    "Reembolso  despesas de viagem",
    "Telefonia Móvel".encode().decode("latin-1"),
    "PROVISŐES DIVERSAS",
)
SUNDRY_NBSP: Final = "Reembolso\u00a0Táxi"
REVENUE: Final = ("Receita Devengada", "RECEITA DE SERVIÇOS", "Serviços Prestados ")

_LONG: Final = (
    "Serviços de terceiros pessoa jurídica referentes à sustentação evolutiva e corretiva dos sistemas de "
    "faturamento e cobrança, conforme contrato-quadro e aditivos vigentes no exercício"
)
LONGEST: Final = _LONG[:139]  # the ledger's limit: it cuts in the middle of a word


def relief_text(rng: Random) -> str:
    """Text of a payroll relief row: 38 % from the wrong code page, 18 % encoded twice."""
    draw = rng.random()
    if draw < 0.38:
        return RELIEF_WRONG_PAGE
    return RELIEF_TWICE_ENCODED if draw < 0.56 else RELIEF


def subcontract_text(rng: Random, vendor: str) -> str:
    """Text of a subcontractor row; the two spaces after the dash are the ledger's."""
    draw = rng.random()
    if draw < 0.50:
        return f"Provisão -  {vendor}"
    if draw < 0.68:
        return f"Provisão de Serviços {vendor}"
    if draw < 0.84:
        return f"Serviços de Terceiros - {vendor}"
    return "Provisão" if draw < 0.992 else ""
