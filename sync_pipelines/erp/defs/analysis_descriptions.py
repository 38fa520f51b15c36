"""What the application makes of the stored data: names, checks and texts of these assets, as the UI shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import dagster as dg

from sync_pipelines.erp.defs.keys import (
    COMPANY_KEY,
    CREDITS_KEY,
    DRE_KEY,
    INVOICES_KEY,
    NCM_KEY,
    OPPORTUNITIES_KEY,
    PRODUCTS_KEY,
    SCORE_KEY,
    TITLES_KEY,
    function_key,
)
from sync_pipelines.erp.financials.dre_report import (
    COMPANY_KNOWN,
    NFE_AGREES,
    NO_EDITS,
    ONE_CONNECTION,
    TRANSFERS_KNOWN,
)
from sync_pipelines.lib.orchestration.metadata import table_definition

ANALYSED = "every_invoice_is_analysed"
SUMMARY_EQUAL = "summary_equals_the_credits"
DRE_EQUAL = "company_dre_equals_the_titles"
DRE_PROCESSED = "every_month_is_processed"
NCM_MADE = "ncm_analysis_is_of_these_invoices"
OPPORTUNITIES_MADE = "opportunities_are_of_this_profile"
SCORE_MADE = "score_is_of_these_figures"

#: Warnings about the months of company_dre: what each check looks at, and what holds where it found nothing.
DRE_WARNINGS: Mapping[str, tuple[str, str]] = {
    COMPANY_KNOWN: (
        "The connection says, or the user's only profile, whose statement it is.",
        "The company is known.",
    ),
    ONE_CONNECTION: (
        "No two connections of a company feed one month: titles that are in both ERPs count twice.",
        "Each month comes from one connection.",
    ),
    NO_EDITS: ("Nobody edited a line that the ERP feeds.", "Nobody edited a line of the ERP."),
    TRANSFERS_KNOWN: (
        "The ERP, or ERP_TRANSFER_CATEGORIES, says which titles go between accounts of the company.",
        "Transfers are recognised.",
    ),
    NFE_AGREES: (
        "Sales by titles and by invoices are the same, month by month, without returns and what is no revenue.",
        "Titles and invoices say the same.",
    ),
}

FUNCTIONS: Mapping[dg.AssetKey, str] = {
    function_key("analyze-credits"): "`analyze-credits`: rules over one invoice's items.",
    function_key(
        "process-dre"
    ): "`process-dre`: margins, taxes and diagnosis of a month of the income statement.",
    function_key("analyze-ncm-from-xmls"): "`analyze-ncm-from-xmls`: the NCM codes of a user's invoices.",
    function_key(
        "match-opportunities"
    ): "`match-opportunities`: what of the tax law a company's profile fits.",
    function_key("calculate-tax-score"): "`calculate-tax-score`: a user's score, its history and actions.",
}
CHECKS: Mapping[dg.AssetKey, Mapping[str, str]] = {
    DRE_KEY: {
        DRE_EQUAL: "The lines of company_dre that the ERP feeds are the sums of the stored titles, month by month.",
        DRE_PROCESSED: "process-dre has computed every month as it is now.",
        **{name: f"{text} (a warning)" for name, (text, _) in DRE_WARNINGS.items()},
    },
    CREDITS_KEY: {
        ANALYSED: "analyze-credits has seen every invoice as it is now.",
        SUMMARY_EQUAL: "Today's credit_analysis_summary is the sum of the user's identified_credits.",
    },
    NCM_KEY: {NCM_MADE: "analyze-ncm-from-xmls has seen the user's invoices as they are now."},
    OPPORTUNITIES_KEY: {
        OPPORTUNITIES_MADE: "match-opportunities has seen the company's profile as it is now."
    },
    SCORE_KEY: {SCORE_MADE: "calculate-tax-score has seen the figures as they are now."},
}
_MOMENT, _MONEY = "timestamp with time zone", "numeric(15,2)"


class AnalysisAsset(NamedTuple):
    """An asset that follows from what a sync stored."""

    key: dg.AssetKey
    deps: Sequence[dg.AssetKey]
    description: str
    table: Mapping[str, Any]


def _dre_table() -> dict[str, Any]:
    columns = {
        "company_id": ("uuid", "the company"),
        "period_year": ("integer", "year of the competence"),
        "period_month": ("integer", "month of the competence"),
        "input_vendas_produtos": (
            _MONEY,
            "sales of goods; each other input_ column is a line as well",
        ),
        "input_outras_despesas": (_MONEY, "expenses of no other line"),
        "calc_receita_bruta": (_MONEY, "by process-dre, as every calc_ column"),
        "calc_lucro_liquido": (_MONEY, "by process-dre"),
    }
    titles = "/".join(TITLES_KEY.path)
    lineage = {
        name: [(titles, "amount"), (titles, "splits")] for name in columns if name.startswith("input_")
    }
    return table_definition("public.company_dre", columns, lineage)


def _credits_table() -> dict[str, Any]:
    columns = {
        "xml_import_id": ("uuid", "the invoice's import"),
        "nfe_key": ("text", "access key"),
        "rule_id": ("uuid", "the rule of credit_rules"),
        "potential_recovery": (_MONEY, "what may be recovered"),
        "created_at": (_MOMENT, "when the function found it"),
    }
    invoices = "/".join(INVOICES_KEY.path)
    lineage = {"nfe_key": [(invoices, "nfe_key")], "xml_import_id": [(invoices, "id")]}
    return table_definition("public.identified_credits", columns, lineage)


def _ncm_table() -> dict[str, Any]:
    columns = {
        "ncm_code": ("text", "eight digits; empty where the invoices have none"),
        "product_name": ("text", "the first description of the code, or the product of the catalogue"),
        "status": ("text", "ok, revisar_ncm, revisar_tributacao, incompleto or pendente"),
        "revenue_percentage": (
            "numeric",
            "the code's part of the invoices' value; 0 of the catalogue's rows",
        ),
    }
    return table_definition("public.company_ncm_analysis", columns)


def _opportunities_table() -> dict[str, Any]:
    columns = {
        "opportunity_id": ("uuid", "the row of tax_opportunities"),
        "match_score": ("integer", "how well the profile fits"),
        "economia_anual_max": (_MONEY, "what may be saved in a year"),
        "status": ("text", "a person's word; nova until somebody chose one"),
    }
    return table_definition("public.company_opportunities", columns)


def _score_table() -> dict[str, Any]:
    columns = {
        "score_total": ("integer", "0 to 100"),
        "score_grade": ("text", "A+ to E"),
        "calculated_at": (_MOMENT, "when the function made it"),
    }
    dre, credits = "/".join(DRE_KEY.path), "/".join(CREDITS_KEY.path)
    lineage = {"score_total": [(dre, "calc_receita_bruta"), (credits, "potential_recovery")]}
    return table_definition("public.tax_score", columns, lineage)


ANALYSES = (
    AnalysisAsset(
        DRE_KEY,
        [TITLES_KEY, function_key("process-dre")],
        """The income statement (DRE) of a connection's company, by month of competence.

Each month is rebuilt from all stored titles of its competence whenever they differ from it, in one transaction; lines
that the ERP does not feed are never touched, no percentage is invented. Then `process-dre` computes the month, only
where its inputs changed. Done means: the lines are the sums of the titles, and what the function left is what its
inputs give.""",
        table=_dre_table(),
    ),
    AnalysisAsset(
        CREDITS_KEY,
        [INVOICES_KEY, function_key("analyze-credits")],
        """What `analyze-credits` found in the user's invoices.

Called once an import, only when the import is new or changed; a cancelled invoice has its credits cleared. A call that
fails is recorded and made again by the next sync; the stored invoices stay. The function replaces today's summary at
each call, so that it is rebuilt from all credits after the last one. Done means: every import is analysed as it is, and
the summary is the sum of the credits.""",
        table=_credits_table(),
    ),
    AnalysisAsset(
        NCM_KEY,
        [INVOICES_KEY, PRODUCTS_KEY, function_key("analyze-ncm-from-xmls")],
        """The NCM codes of the user's invoices, by `analyze-ncm-from-xmls`.

Called only when the invoices changed. The function deletes every row of the user, so the rows of the catalogue are put
back after it. Done means: its rows are those that it said, and the catalogue's are there.""",
        table=_ncm_table(),
    ),
    AnalysisAsset(
        OPPORTUNITIES_KEY,
        [COMPANY_KEY, DRE_KEY, function_key("match-opportunities")],
        """What of the tax law fits the company's profile, by `match-opportunities`.

Called only when the profile or the list of opportunities changed. The function resets what a person said of an
opportunity (interessado, descartada …): that is put back. Of a profile that is not complete a person reads so.""",
        table=_opportunities_table(),
    ),
    AnalysisAsset(
        SCORE_KEY,
        [DRE_KEY, CREDITS_KEY, INVOICES_KEY, function_key("calculate-tax-score")],
        """The user's tax score, by `calculate-tax-score`.

Called only when what it reads changed, because each call adds a row to its history. Done means: the row of the score is
what the function answered, and the history has one more row.""",
        table=_score_table(),
    ),
)
