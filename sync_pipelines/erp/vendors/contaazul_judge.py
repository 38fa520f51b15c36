"""What an answer of Conta Azul means (contract of the ERPs, section 6): data, a document, or an error of ours."""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.erp.vendors.oauth import ExpiredTokenError
from sync_pipelines.erp.vendors.xml_archive import is_archive
from sync_pipelines.lib.failures import (
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    from_http_status,
)
from sync_pipelines.lib.http.json import JsonAnswer

NAME = "Conta Azul"


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means, or None: also for a 404 of the vendor's own. Quotes nothing of it."""
    if answer.status == 401:
        return ExpiredTokenError(f"{NAME} does not accept the access token (401).")
    if answer.status == 429:
        return ThrottledError(f"{NAME} asks for fewer calls (429).", retry_after=answer.retry_after)
    if answer.status == 403 and answer.is_json:
        return RefusedError(
            f"{NAME} does not let the app make this call (403). Grant it the access, and connect the account again.",
            403,
        )
    if answer.status == 404:
        # One that is not the vendor's own says nothing of what was asked for.
        is_own = isinstance(answer.body, Mapping) and "error" in answer.body
        return (
            None if is_own else TransientError(f"{NAME} is not at CONTAAZUL_URL, or its gateway fails (404).")
        )
    if answer.status != 200:
        return from_http_status(
            answer.status, what=NAME, retry_after=answer.retry_after, setting="CONTAAZUL_URL"
        )
    if isinstance(answer.body, Mapping):
        is_error = answer.body.keys() <= {"error", "fault", "code", "message"}
        return TransientError(f"{NAME} answered an error with status 200.") if is_error else None
    if _is_document(answer.content) and not answer.is_json:
        return None
    return TransientError(f"{NAME} answered without the data that was asked for, or with a part of it.")


def _is_document(content: bytes) -> bool:
    """Whether a body is a ZIP or looks like XML, which a page for people does not."""
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return is_archive(content) or (start.startswith(b"<") and not start.startswith((b"<!doctype", b"<html")))
