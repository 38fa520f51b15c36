"""Names, checks and texts of `erp/nfe`, as the UI shows them."""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.lib.orchestration.metadata import table_definition

COMPLETE = "every_listed_invoice_is_accounted_for"
EQUAL = "invoices_equal_their_xml"
NO_REJECTS = "no_invoice_was_rejected"
SUMS_TIE = "items_tie_to_the_totals"
NO_GAPS = "numbering_has_no_gaps"
KEYS_UNIQUE = "each_key_is_listed_once"
LISTED_ONCE = "each_invoice_is_listed_once"
MONTHS_AGREE = "xml_agrees_on_the_month"
NO_UPLOAD = "no_upload_repeats_an_invoice"

CHECKS: Mapping[str, str] = {
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

DESCRIPTION = """The invoices (NF-e) of an ERP account, by month of issue.

Replaces the pg_cron job `erp-auto-sync-daily` and the Edge Functions `erp-auto-sync` and `erp-sync`. Key: the user and
the access key; one row an invoice in `xml_imports`, its content in `xml_analysis`, its XML in the store. A month is
read whole, in any state: cancelled and denied invoices are marked. A page that fails fails the months of its list and
deletes nothing. Done means: every listed invoice is accounted for, and the live rows are what the XML says."""


def table() -> dict[str, object]:
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
