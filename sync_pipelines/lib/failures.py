"""The only place that decides whether a failure is transient (wait and try again) or permanent (stop).

Whoever turns an error of a library into one of these raises it `from None`: the original carries whole URLs,
queries and rows, and Dagster prints every exception of a chain into its event log.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from sync_pipelines.lib.redaction import redact

if TYPE_CHECKING:  # both are slow to import, and a code location that only lists its assets needs neither
    import httpx
    import psycopg

LONGEST_RETRY_AFTER = 3600.0  # seconds; beyond it the next scheduled run is the better retry

# 520-524 and 544 are answers of gateways that did not hear from the service behind them in time.
_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 544})

#: A table, schema or column that is not there.
_UNDEFINED = frozenset({"42P01", "3F000", "42703"})
# Connection, resources, and what a shutdown, a deadlock or a timeout of the server ends.
_TRANSIENT_SQLSTATE_CLASSES = frozenset({"08", "53"})
_TRANSIENT_SQLSTATES = frozenset(
    {"40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04"}
    | {"PGRST000", "PGRST001", "PGRST002", "PGRST003"}  # database unreachable, cache not built, pool timeout
)
# A refused login reaches the client as a connection error without SQLSTATE; so does a full pooler.
_REFUSED = re.compile(
    r"(?i)authentication failed|pg_hba|tenant or user not found|(database|role|certificate) .* does not exist"
    r"|certificate verify failed|does not support SSL|invalid (connection|port|uri)"
)
_POOL_FULL = re.compile(r"(?i)max ?clients|too many (clients|connections)|checkout ?timeout|EMAXCONN")


class SyncError(Exception):
    """A failure as a sentence for a person: what happened and what to do. Redacted as it is made."""

    def __init__(self, sentence: str) -> None:
        super().__init__(redact(sentence))


class TransientError(SyncError):
    """Worth another try, not before `retry_after` seconds where the other side said so."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UnreachedError(TransientError):
    """No connection could be made: the other side has not seen the request."""


class ThrottledError(TransientError):
    """The other side asks for fewer calls, of everybody who shares our key; `retry_after` says for how long."""


class PermanentError(SyncError):
    """Trying again would change nothing: a person has to act."""


class RefusedError(PermanentError):
    """The other side does not know us (401), or does not let us (403)."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def classify_http_status(status: int) -> bool:
    """True where a request answered with this status may succeed later."""
    return status in _TRANSIENT_STATUSES


def is_transient_answer(status: int, code: str | None) -> bool:
    """True where an answer of PostgREST may be another one later: by its code, or a gateway's by its status."""
    if code is None:
        return classify_http_status(status)
    return classify_sqlstate(code) or status in {429, 502, 503, 504}


def from_http_status(
    status: int, *, what: str, retry_after: float | None = None, setting: str | None = None
) -> SyncError:
    """The error for an answer that is not a success; `setting` names what a person would check."""
    known = {item.value: item.phrase for item in HTTPStatus}
    sentence = f"{what} answered {status} {known.get(status, '')}".rstrip() + "."
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(sentence, retry_after=retry_after)
    if classify_http_status(status):
        return TransientError(sentence, retry_after=retry_after)
    sentence = f"{sentence} Check {setting}." if setting else sentence
    return RefusedError(sentence, status) if status in {401, 403} else PermanentError(sentence)


def from_http_error(
    error: "httpx.HTTPError | httpx.InvalidURL", *, what: str, ca_setting: str = "the CA bundle setting"
) -> SyncError:
    """The error for a request that got no whole answer; `ca_setting` names the setting of the CA bundle."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return from_http_status(error.response.status_code, what=what)
    if isinstance(error, httpx.ConnectError):
        return _from_connect_error(error, what, ca_setting)
    if isinstance(error, httpx.ProxyError):
        sentence = f"{what}: the proxy refused or failed ({str(error)[:80]})."
        return PermanentError(sentence) if re.match(r"4\d\d", str(error)) else TransientError(sentence)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return UnreachedError(f"{what}: no connection within the time allowed.")
    transient = (
        ((httpx.TimeoutException,), "no answer within the time allowed"),
        ((httpx.RemoteProtocolError, httpx.DecodingError), "the answer was cut or garbled on its way"),
        ((httpx.NetworkError,), "the connection was lost"),
    )
    for kinds, sentence in transient:
        if isinstance(error, kinds):
            return TransientError(f"{what}: {sentence}.")
    invalid = isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol)
    return PermanentError(f"{what}: {'the URL is not valid' if invalid else type(error).__name__}.")


def _from_connect_error(error: "httpx.ConnectError", what: str, ca_setting: str) -> SyncError:
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return PermanentError(
                f"{what}: its certificate was not accepted ({cause.verify_message}). If its chain is "
                f"private or incomplete, put what is missing in a file and name it in {ca_setting}; "
                "verification is never switched off."
            )
        if isinstance(cause, ssl.SSLError) and not isinstance(
            cause, ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            return PermanentError(
                f"{what}: no TLS connection was possible ({getattr(cause, 'reason', None) or cause})."
            )
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            return PermanentError(f"{what}: the host name is not known. Check its spelling.")
    return UnreachedError(f"{what}: no connection could be made.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def retry_after_seconds(
    headers: Mapping[str, str], now: datetime, *, longest: float = LONGEST_RETRY_AFTER
) -> float | None:
    """Seconds to wait after `now` (aware) by the Retry-After header, seconds or date (RFC 9110, 10.2.3).

    Never below 0 nor above `longest`; None without a header that can be read.
    """
    text = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), longest)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), longest)


def classify_sqlstate(code: str) -> bool:
    """True where a statement that failed with this SQLSTATE or PostgREST code may succeed later."""
    return code in _TRANSIENT_SQLSTATES or (len(code) == 5 and code[:2] in _TRANSIENT_SQLSTATE_CLASSES)


def from_postgres(error: "psycopg.Error", *, what: str) -> SyncError:
    """The error of a statement or connection, rebuilt without what can quote a row.

    Kept are the SQLSTATE, the primary message and the names of constraint, table and column; never DETAIL,
    CONTEXT, hint or query. The primary message itself quotes values in class 22 (data), and functions raise
    whatever they like, under any SQLSTATE: there quoted text is cut, and of a function's also numbers and addresses.
    """
    import psycopg

    code = error.sqlstate
    if code is None:
        return _from_client(error, what, connection=isinstance(error, psycopg.OperationalError))
    diag = error.diag
    message = " ".join((diag.message_primary or type(error).__name__).split())
    is_raised = code.startswith("P0") or diag.source_function == "exec_stmt_raise"
    if code.startswith("22") or is_raised:
        message = _without_quoted(message)
    if is_raised:
        message = re.sub(r"\d[\d./-]{3,}|\S+@\S+", "…", message)
    names = [
        f"{kind} {name}"
        for kind, name in (
            ("table", diag.table_name),
            ("column", diag.column_name),
            ("constraint", diag.constraint_name),
        )
        if name
    ]
    sentence = f"{what}: {message.rstrip('.')} ({', '.join([f'SQLSTATE {code}', *names])})."
    if code == "25006":
        sentence += (
            " The database is read-only, or a trigger wanted to write after the proof: nothing was committed."
        )
    if code in _UNDEFINED:
        sentence += " If it is one of ours, `sync-pipelines migrate` makes it."
    if classify_sqlstate(code) or (code.startswith("XX") and _POOL_FULL.search(message)):
        return TransientError(sentence)
    return PermanentError(sentence)


def is_about_a_value(error: "psycopg.Error") -> bool:
    """Whether a value of a row is at fault, by what the server says of it or because Python cannot hold it.

    Class 22 is data, 54 is a limit such as the length of a text. Then the other rows may pass without this one.
    """
    import psycopg

    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)
    return error.sqlstate[:2] in ("22", "54")


def _from_client(error: "psycopg.Error", what: str, *, connection: bool) -> SyncError:
    """For errors that did not come as an answer of the server: those of connecting, and of our own calls."""
    text = " ".join(re.split(r"(?m)^\s*DETAIL:", str(error), maxsplit=1)[0].split()).rstrip(".")
    if not connection:
        return PermanentError(f"{what}: {_without_quoted(text)[:300]} ({type(error).__name__}).")
    text = text[:300]
    if _REFUSED.search(text) and not _POOL_FULL.search(text):
        return PermanentError(f"{what}: {text}. Check the database URL.")
    return TransientError(f"{what}: {text}.")


def _without_quoted(message: str) -> str:
    return re.sub(r"[\"'«“].*[\"'»”]", '"…"', message)
