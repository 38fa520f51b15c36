"""Keys, check names and texts of the ERP assets, as the UI shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import dagster as dg

from sync_pipelines import partitions
from sync_pipelines.erp.defs import analysis_descriptions
from sync_pipelines.erp.defs.keys import COMPANY_KEY, PRODUCTS_KEY
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors.registry import serving
from sync_pipelines.lib.orchestration.metadata import table_definition

GROUP = "erp"
OWNER = "team:erp"
#: Older invoices can hardly be asked for: a claim on taxes ends after five years.
FIRST_MONTH = date(2020, 1, 1)

#: A row of `public.erp_connections`: its ERP and the beginning of its id.
CONNECTIONS = dg.DynamicPartitionsDefinition(name="erp_connection")
#: What `erp/nfe` and `erp/financeiro` call the two parts of their keys.
CONNECTION, MONTH = "connection", "month"

PROFILE_EQUAL = "profile_equals_the_erp"
SAME_BRANCH = "the_profile_is_of_the_same_branch"
CATALOGUE_EQUAL = "catalogue_equals_the_erp"
NO_PRODUCT_REJECTED = "no_product_was_rejected"
NCM_KNOWN = "every_product_has_an_ncm"
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
    **analysis_descriptions.CHECKS,
}


def first_check(key: dg.AssetKey) -> str:
    """The check that fails where the asset of a connection does."""
    return next(iter(CONNECTION_CHECKS[key]))


COMPANY_DESCRIPTION = """The company of an ERP account in `company_profile`.

Grain: connection. Key: the user and the CNPJ. A filled field is never overwritten with an empty one. Done means: what
the ERP says stands in the profile, and nothing else was touched."""
PRODUCTS_DESCRIPTION = """The catalogue of products of an ERP account.

Grain: connection and product, in `sync_private.products`, which the application's own NCM analysis does not erase; rows
for the NCM screen go to `company_ncm_analysis`. All pages are in hand before anything is written. Done means: the
catalogue is what the ERP listed."""
CONNECTIONS_DESCRIPTION = """The connections as their card shows them: auto-sync, next sync, last result, calls.

Materialized after every sync and by the hour."""

_KINDS = {"postgres"}


def month_grid(zone: str) -> dg.MultiPartitionsDefinition:
    """Connection and month."""
    return dg.MultiPartitionsDefinition(
        {CONNECTION: CONNECTIONS, MONTH: partitions.months(FIRST_MONTH, zone)}
    )


def month_key(connection: str, month: date) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({CONNECTION: connection, MONTH: month.isoformat()})


def vendor_key(erp_type: str) -> dg.AssetKey:
    return dg.AssetKey(["erp", erp_type])


def external_specs(vendors: Mapping[str, str]) -> list[dg.AssetSpec]:
    """The ERPs and the functions, so that the lineage begins at the vendor and ends at the analysis.

    `vendors` are names by `erp_type`.
    """
    erps = [
        dg.AssetSpec(
            vendor_key(erp_type),
            group_name=GROUP,
            kinds={"rest"},
            owners=[OWNER],
            description=f"{name}: the company, products, invoices and titles, by the credentials of each connection.",
        )
        for erp_type, name in vendors.items()
    ]
    functions = [
        dg.AssetSpec(
            key,
            group_name=GROUP,
            kinds={"rest"},
            owners=[OWNER],
            description=f"The application's Edge Function {text}",
        )
        for key, text in analysis_descriptions.FUNCTIONS.items()
    ]
    return [*erps, *functions]


def specs() -> list[dg.AssetSpec]:
    """The assets of a connection as a whole."""
    company = [vendor_key(one) for one in serving(Module.COMPANY)]
    products = [vendor_key(one) for one in serving(Module.PRODUCTS)]
    return [
        _spec(COMPANY_KEY, COMPANY_DESCRIPTION, company, table=_company_table()),
        _spec(PRODUCTS_KEY, PRODUCTS_DESCRIPTION, products, table=_products_table()),
        *(
            _spec(one.key, one.description, one.deps, table=one.table)
            for one in analysis_descriptions.ANALYSES
        ),
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
    key: dg.AssetKey, description: str, deps: Sequence[dg.AssetKey], *, table: Mapping[str, object]
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
