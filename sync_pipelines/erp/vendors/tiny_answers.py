"""What Tiny's answers mean (contract of the ERPs, section 7.1): an error comes with HTTP 200, and as JSON or as XML.

Every answer is an envelope `retorno` with `status` (`OK` or `Erro`), `status_processamento` (3: all of it was done) and
in an error `codigo_erro`. Numbers in it are texts or numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_pipelines.erp.vendors.values import plain, quotable, text_of
from sync_pipelines.erp.vendors.xml_envelope import XmlEnvelope, open_envelope
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
    from_http_status,
)
from sync_pipelines.lib.http.json import JsonAnswer

NAME = "Tiny"
Retorno = Mapping[str, Any]
#: Values of `codigo_erro`: no records; no such record, or a note that was not authorised.
EMPTY, ABSENT = "20", frozenset({"20", "32", "34"})
#: Answers that the caller reads: beside these that a page is behind the last.
_READ = ABSENT | {"23"}
_TOKEN = frozenset({"1", "2"})
#: The API or the company is blocked, or its plan is used up: no call changes that.
_BLOCKED = frozenset({"5", "7", "8"})
#: More calls in a minute, or at once, than the plan allows: the session leaves the account alone for a minute.
_TOO_MANY = frozenset({"6", "11"})
#: A parameter is missing, is there twice, or says nothing that the service knows.
_WRONG = frozenset({"10", "30", "31"})
#: `status_processamento` of a call that was done as a whole; 4 is in part.
_DONE = "3"
#: The elements of an XML answer that have a document of their own.
DOCUMENT, CANCELLATION = "xml_nfe", "xml_cancelamento"


def judge(answer: JsonAnswer) -> SyncError | None:
    """The error that an answer means; None for one that is to be read, such as "no records".

    It quotes nothing of an error but its code.
    """
    retorno = retorno_of(answer)
    if retorno is None:
        if answer.status != 200:
            return from_http_status(
                answer.status, what=NAME, retry_after=answer.retry_after, setting="TINY_URL"
            )
        return TransientError(f"{NAME} answered with something that is no answer of its API, or with a part.")
    code = code_of(retorno)
    if code in _READ or (not code and is_done(retorno)):
        return None
    what = f"{NAME} (code {quotable(code)})" if code else f"{NAME} (without a code)"
    if code in _TOKEN:
        return RefusedError(f"{what} does not accept the token. Enter it again in the application.", 401)
    if code in _BLOCKED:
        return RefusedError(f"{what} blocked the account or its API. Settle that with {NAME}.", 401)
    if code in _TOO_MANY:
        return ThrottledError(f"{what} asks for fewer calls.", retry_after=answer.retry_after)
    if code in _WRONG:
        return PermanentError(f"{what} does not accept the call.")
    return TransientError(f"{what} did not do all of what it was asked for.", retry_after=answer.retry_after)


def retorno_of(answer: JsonAnswer) -> Retorno | None:
    """The envelope of an answer, without the documents of one in XML; None if it is none."""
    if not answer.is_json:
        envelope = envelope_of(answer)
        return envelope.fields if envelope is not None else None
    found = answer.body.get("retorno") if isinstance(answer.body, Mapping) else None
    return found if isinstance(found, Mapping) else None


def envelope_of(answer: JsonAnswer) -> XmlEnvelope | None:
    """An answer in XML; None if it is none, or a part of one."""
    return open_envelope(answer.content, root="retorno", documents=(DOCUMENT, CANCELLATION))


def code_of(retorno: Retorno) -> str:
    """The code of an error; empty where there is none."""
    code = text_of(retorno, "codigo_erro") or ""
    return "" if code == "0" else code


def is_done(retorno: Retorno) -> bool:
    """Whether a call was done as a whole."""
    return plain(text_of(retorno, "status") or "") == "ok" and text_of(retorno, "status_processamento") in {
        _DONE,
        None,
    }
