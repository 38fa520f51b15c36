"""The keys of the ERP assets."""

import dagster as dg

COMPANY_KEY = dg.AssetKey(["erp", "empresa"])
PRODUCTS_KEY = dg.AssetKey(["erp", "produtos"])
INVOICES_KEY = dg.AssetKey(["erp", "nfe"])
TITLES_KEY = dg.AssetKey(["erp", "financeiro"])
DRE_KEY = dg.AssetKey(["erp", "dre"])
CREDITS_KEY = dg.AssetKey(["erp", "credits"])
NCM_KEY = dg.AssetKey(["erp", "ncm_analysis"])
OPPORTUNITIES_KEY = dg.AssetKey(["erp", "opportunities"])
SCORE_KEY = dg.AssetKey(["erp", "tax_score"])
CONNECTIONS_KEY = dg.AssetKey(["erp", "connections"])

#: Of a connection as a whole, in topological order.
ASSETS = (COMPANY_KEY, PRODUCTS_KEY, DRE_KEY, CREDITS_KEY, NCM_KEY, OPPORTUNITIES_KEY, SCORE_KEY)
#: Of connection and month.
MONTHS = (INVOICES_KEY, TITLES_KEY)
#: Which runs work on a connection, whatever a person selected of it.
WORKED_ON = (*ASSETS, *MONTHS)


def function_key(name: str) -> dg.AssetKey:
    """The external asset of an Edge Function such as `analyze-credits`."""
    return dg.AssetKey(["erp", name.replace("-", "_")])
