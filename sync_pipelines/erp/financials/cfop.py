"""Which operations of an invoice are sales of goods, by CFOP: data.

Source: the table of CFOP (Ajuste SINIEF, annex of the Convênio s/nº of 15 December 1970). The first digit says where
the goods go to (5 within the state, 6 to another one, 7 abroad); the other three say what is done, alike for all of
them. Whatever is not in these ranges is no revenue: transfers (151 to 156), returns (2xx, 410 to 413), sales of assets
(551), consignments, demonstrations, gifts and bonuses (9xx), and the billing of a future delivery (922), whose delivery
counts (116, 117). Services (3xx, 932, 933) are revenue of another line of the statement.
"""

from __future__ import annotations

from typing import Final

#: First and last of the three digits, both included, and what is done.
REVENUE: Final = (
    (101, 129, "sale of own production or of goods, also industrialisation for others"),
    (251, 258, "sale of electrical energy"),
    (401, 405, "sale of goods under tax substitution"),
    (651, 656, "sale of fuels"),
    (667, 667, "sale of fuels to an end consumer of another state"),
)
#: Words of the nature of an operation that is no revenue, for items that say no CFOP: without accents, in lower case.
NO_REVENUE: Final = (
    *("remessa", "transferencia", "bonificacao", "devolucao", "retorno", "brinde", "doacao", "demonstracao"),
    *(
        "consignacao",
        "comodato",
        "conserto",
        "amostra",
        "simples faturamento",
        "entrega futura",
        "imobilizado",
    ),
)
