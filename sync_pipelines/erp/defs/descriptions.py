"""Keys, check names and texts of the ERP assets, as the UI shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.lib.orchestration.metadata import table_definition

GROUP = "erp"
OWNER = "team:erp"
#: Older invoices can hardly be asked for: a claim on taxes ends after five years.
FIRST_MONTH = date(2020, 1, 1)

COMPANY_KEY = dg.AssetKey(["erp", "empresa"])
PRODUCTS_KEY = dg.AssetKey(["erp", "produtos"])
INVOICES_KEY = dg.AssetKey(["erp", "nfe"])
CREDITS_KEY = dg.AssetKey(["erp", "credits"])
CONNECTIONS_KEY = dg.AssetKey(["erp", "connections"])
FUNCTION_KEY = dg.AssetKey(["erp", "analyze_credits"])
#: Of a connection as a whole, in topological order.
ASSETS = (COMPANY_KEY, PRODUCTS_KEY, CREDITS_KEY)
#: Which runs work on a connection, whatever a person selected of it.
WORKED_ON = (*ASSETS, INVOICES_KEY)

#: A row of `public.erp_connections`: its ERP and the beginning of its id.
CONNECTIONS = dg.DynamicPartitionsDefinition(name="erp_connection")
#: What `erp/nfe` calls the two parts of its key.
CONNECTION, MONTH = "connection", "month"

PROFILE_EQUAL = "profile_equals_the_erp"
SAME_BRANCH = "the_profile_is_of_the_same_branch"
CATALOGUE_EQUAL = "catalogue_equals_the_erp"
NO_PRODUCT_REJECTED = "no_product_was_rejected"
NCM_KNOWN = "every_product_has_an_ncm"
COMPLETE = "every_listed_invoice_is_accounted_for"
EQUAL = "invoices_equal_their_xml"
NO_REJECTS = "no_invoice_was_rejected"
SUMS_TIE = "items_tie_to_the_totals"
NO_GAPS = "numbering_has_no_gaps"
KEYS_UNIQUE = "each_key_is_listed_once"
LISTED_ONCE = "each_invoice_is_listed_once"
MONTHS_AGREE = "xml_agrees_on_the_month"
NO_UPLOAD = "no_upload_repeats_an_invoice"
ANALYSED = "every_invoice_is_analysed"
SUMMARY_EQUAL = "summary_equals_the_credits"
FRESH = "every_connection_is_fresh"

CONNECTION_CHECKS: Mapping[dg.AssetKey, Mapping[str, str]] = {
    COMPANY_KEY: {
        PROFILE_EQUAL: "What the ERP says of the company stands in company_profile.",
        SAME_BRANCH: "The CNPJ of the account is the profile's, not another branch's (a warning).",
    },
    PRODUCTS_KEY: {
        CATALOGUE_EQUAL: "The stored catalogue is the one that the ERP listed, product by product.",
        NO_PRODUCT_REJECTED: "No product was refused (a warning; ops.rejects says which and why).",
        NCM_KNOWN: "Every active product has an NCM of eight digits (a warning).",
    },
    CREDITS_KEY: {
        ANALYSED: "analyze-credits has seen every invoice as it is now.",
        SUMMARY_EQUAL: "Today's credit_analysis_summary is the sum of the user's identified_credits.",
    },
}
INVOICE_CHECKS: Mapping[str, str] = {
    COMPLETE: "Every invoice that the ERP listed for the month is stored, marked, skipped for a reason, or a reject.",
    EQUAL: "xml_imports and xml_analysis hold what the XML of each invoice says, and the XML is kept.",
    NO_REJECTS: "No XML was refused (a warning; ops.rejects says which and why).",
    SUMS_TIE: "The items of each invoice add up to its totals (a warning).",
    NO_GAPS: "No number is missing between issued ones of a series; voided numbers count (a warning).",
    KEYS_UNIQUE: "No access key is listed twice (a warning).",
    LISTED_ONCE: "No invoice is listed twice with different content (a warning).",
    MONTHS_AGREE: "The XML of every invoice says the month that the list says (a warning).",
    NO_UPLOAD: "No invoice was uploaded by hand after its sync: it would count twice (a warning).",
}

COMPANY_DESCRIPTION = """The company of an ERP account in `company_profile`.

Grain: connection. Key: the user and the CNPJ. A filled field is never overwritten with an empty one. Done means: what
the ERP says stands in the profile, and nothing else was touched."""
PRODUCTS_DESCRIPTION = """The catalogue of products of an ERP account.

Grain: connection and product, in `sync_private.products`, which the application's own NCM analysis does not erase; rows
for the NCM screen go to `company_ncm_analysis`. All pages are in hand before anything is written. Done means: the
catalogue is what the ERP listed."""
INVOICES_DESCRIPTION = """The invoices (NF-e) of an ERP account, by month of issue.

Replaces the pg_cron job `erp-auto-sync-daily` and the Edge Functions `erp-auto-sync` and `erp-sync`. Key: the user and
the access key; one row an invoice in `xml_imports`, its content in `xml_analysis`, its XML in the store. A month is
read whole, in any state: cancelled and denied invoices are marked. A page that fails fails the months of its list and
deletes nothing. Done means: every listed invoice is accounted for, and the live rows are what the XML says."""
CREDITS_DESCRIPTION = """What `analyze-credits` found in the user's invoices.

Called once an import, only when the import is new or changed; a cancelled invoice has its credits cleared. A call that
fails is recorded and made again by the next sync; the stored invoices stay. The function replaces today's summary at
each call, so that it is rebuilt from all credits after the last one. Done means: every import is analysed as it is, and
the summary is the sum of the credits."""
CONNECTIONS_DESCRIPTION = """The connections as their card shows them: auto-sync, next sync, last result, calls.

Materialized after every sync and by the hour."""

_KINDS = {"postgres"}
_MOMENT, _MONEY = "timestamp with time zone", "numeric(15,2)"


def invoice_partitions(zone: str) -> dg.MultiPartitionsDefinition:
    """Connection and month."""
    return dg.MultiPartitionsDefinition(
        {CONNECTION: CONNECTIONS, MONTH: partitions.months(FIRST_MONTH, zone)}
    )


def invoice_key(connection: str, month: date) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({CONNECTION: connection, MONTH: month.isoformat()})


def vendor_key(erp_type: str) -> dg.AssetKey:
    return dg.AssetKey(["erp", erp_type])


def external_specs(vendors: Mapping[str, str]) -> list[dg.AssetSpec]:
    """The ERPs and the function, so that the lineage begins at the vendor and ends at the analysis.

    `vendors` are names by `erp_type`.
    """
    erps = [
        dg.AssetSpec(
            vendor_key(erp_type),
            group_name=GROUP,
            kinds={"rest"},
            owners=[OWNER],
            description=f"{name}: the company, its products and invoices, by the credentials of each connection.",
        )
        for erp_type, name in vendors.items()
    ]
    function = dg.AssetSpec(
        FUNCTION_KEY,
        group_name=GROUP,
        kinds={"rest"},
        owners=[OWNER],
        description="The application's Edge Function `analyze-credits`: rules over one invoice's items.",
    )
    return [*erps, function]


def specs(vendors: Mapping[str, str]) -> list[dg.AssetSpec]:
    """The assets of a connection as a whole."""
    erps = [vendor_key(one) for one in vendors]
    return [
        _spec(COMPANY_KEY, COMPANY_DESCRIPTION, erps, table=_company_table()),
        _spec(PRODUCTS_KEY, PRODUCTS_DESCRIPTION, erps, table=_products_table()),
        _spec(CREDITS_KEY, CREDITS_DESCRIPTION, [INVOICES_KEY, FUNCTION_KEY], table=_credits_table()),
    ]


def check_specs() -> list[dg.AssetCheckSpec]:
    """The checks that a sync evaluates for each connection."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=text, partitions_def=CONNECTIONS)
        for key, checks in CONNECTION_CHECKS.items()
        for name, text in checks.items()
    ]


#: A day and some hours: connections are synced by the day unless their row says otherwise, which a check knows.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30), warn_window=timedelta(hours=26))


def _spec(
    key: dg.AssetKey, description: str, deps: Sequence[dg.AssetKey], *, table: dict[str, object]
) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        group_name=GROUP,
        description=description,
        metadata=table,
        kinds=_KINDS,
        owners=[OWNER],
        tags={"personal_data": "true"},
        partitions_def=CONNECTIONS,
        freshness_policy=FRESHNESS,
    )


def _company_table() -> dict[str, object]:
    columns = {
        "cnpj_principal": ("text", "CNPJ of the account"),
        "razao_social": ("text", "legal name"),
        "nome_fantasia": ("text", "trade name"),
        "cnae_principal": ("text", "main activity"),
        "regime_tributario": ("text", "simples, presumido, real or mei, where the ERP can say so"),
        "uf_sede": ("text", "state"),
        "municipio_sede": ("text", "city"),
    }
    return table_definition("public.company_profile", columns)


def _products_table() -> dict[str, object]:
    columns = {
        "connection_id": ("uuid", "the connection"),
        "vendor_id": ("text", "the ERP's own number of the product"),
        "code": ("text", "the company's code"),
        "name": ("text", "description"),
        "ncm": ("text", "eight digits, null where the ERP has none"),
        "price": ("numeric", "unit price"),
        "is_active": ("boolean", "whether the ERP sells it"),
        "is_service": ("boolean", "services have no NCM"),
    }
    return table_definition("sync_private.products", columns)


def invoices_table() -> dict[str, object]:
    columns = {
        "nfe_key": ("text", "access key, 44 characters; the issuer's part may hold letters"),
        "file_path": ("text", "where the XML is kept: user id and access key"),
        "status": ("text", "COMPLETED once xml_analysis has the content"),
        "nfe_status": ("text", "autorizada, cancelada or denegada, as the ERP says"),
        "issue_date": ("date", "day of issue in the issuer's own time"),
        "content_sha256": ("text", "of the XML"),
        "connection_id": ("uuid", "the connection that brought it first"),
    }
    return table_definition("public.xml_imports", columns)


def _credits_table() -> dict[str, object]:
    columns = {
        "xml_import_id": ("uuid", "the invoice's import"),
        "nfe_key": ("text", "access key"),
        "rule_id": ("uuid", "the rule of credit_rules"),
        "potential_recovery": (_MONEY, "what may be recovered"),
        "created_at": (_MOMENT, "when the function found it"),
    }
    invoices = "/".join(INVOICES_KEY.path)
    return table_definition(
        "public.identified_credits",
        columns,
        {"nfe_key": [(invoices, "nfe_key")], "xml_import_id": [(invoices, "id")]},
    )
