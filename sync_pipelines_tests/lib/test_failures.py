import pickle
import socket
import ssl
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from psycopg import errors
from psycopg.pq import DiagnosticField

from sync_pipelines.lib.failures import (
    LONGEST_RETRY_AFTER,
    PermanentError,
    SyncError,
    ThrottledError,
    TransientError,
    UnreachedError,
    classify_http_status,
    classify_sqlstate,
    from_http_error,
    from_http_status,
    from_postgres,
    retry_after_seconds,
)

NOW = datetime(2025, 9, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 544])
def test_a_status_that_may_pass_is_transient(status: int) -> None:
    assert classify_http_status(status)
    assert isinstance(from_http_status(status, what="The export"), TransientError)


@pytest.mark.parametrize(
    "status", [204, 302, 400, 401, 403, 404, 405, 406, 409, 410, 416, 422, 501, 505, 540]
)
def test_a_status_that_will_not_pass_is_permanent(status: int) -> None:
    assert not classify_http_status(status)
    assert isinstance(from_http_status(status, what="The export"), PermanentError)


def test_a_status_names_what_to_check_only_where_a_person_can_help() -> None:
    assert str(from_http_status(400, what="The export", setting="URL")) == (
        "The export answered 400 Bad Request. Check URL."
    )
    error = from_http_status(503, what="The export", setting="URL", retry_after=7.0)
    assert str(error) == "The export answered 503 Service Unavailable."
    assert isinstance(error, TransientError)
    assert error.retry_after == 7.0
    assert str(from_http_status(520, what="The export")) == "The export answered 520."


def test_too_many_requests_is_throttling_and_says_for_how_long() -> None:
    error = from_http_status(429, what="The export", retry_after=7.0)
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 7.0
    assert not isinstance(from_http_status(503, what="The export"), ThrottledError)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectTimeout("x"),
        httpx.PoolTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.CloseError("x"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.DecodingError("x"),
        httpx.ProxyError("503 Service Unavailable"),
        httpx.ConnectError("refused"),
    ],
)
def test_what_the_network_does_is_transient(error: httpx.HTTPError) -> None:
    made = from_http_error(error, what="The export")

    assert isinstance(made, TransientError)
    assert str(made).startswith("The export: ")


@pytest.mark.parametrize(
    "error",
    [
        httpx.InvalidURL("x"),
        httpx.UnsupportedProtocol("x"),
        httpx.LocalProtocolError("x"),
        httpx.TooManyRedirects("x"),
        httpx.ProxyError("407 Proxy Authentication Required"),
    ],
)
def test_what_we_do_wrong_is_permanent(error: httpx.HTTPError) -> None:
    assert isinstance(from_http_error(error, what="The export"), PermanentError)


def _connect_error(cause: Exception) -> httpx.ConnectError:
    error, middle = httpx.ConnectError("x"), OSError("y")
    error.__cause__, middle.__context__ = middle, cause
    return error


def _unknown_issuer() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "unable to get local issuer certificate"
    return error


@pytest.mark.parametrize(
    ("cause", "kind", "words"),
    [
        (_unknown_issuer(), PermanentError, "name it in HITSS_CA_BUNDLE"),
        (ssl.SSLError(1, "wrong version number"), PermanentError, "no TLS connection"),
        (ssl.SSLEOFError(8, "unexpected eof"), UnreachedError, "no connection could be made"),
        (socket.gaierror(socket.EAI_NONAME, "x"), PermanentError, "host name is not known"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), UnreachedError, "no connection could be made"),
        (ConnectionRefusedError(111, "x"), UnreachedError, "no connection could be made"),
    ],
)
def test_why_a_connection_failed_decides(cause: Exception, kind: type[SyncError], words: str) -> None:
    made = from_http_error(_connect_error(cause), what="The export", ca_setting="HITSS_CA_BUNDLE")

    assert type(made) is kind
    assert words in str(made)


def test_a_status_error_of_httpx_loses_its_url() -> None:
    request = httpx.Request("GET", "https://h.example/x?login=joana")
    error = httpx.HTTPStatusError(
        "for url https://h.example/x?login=joana", request=request, response=httpx.Response(404)
    )

    assert str(from_http_error(error, what="The export")) == "The export answered 404 Not Found."


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 21 Sep 2025 12:01:30 GMT", 90.0),
        ("Sun, 21 Sep 2025 12:01:30 -0000", 90.0),
        ("Sun, 21 Sep 2025 11:00:00 GMT", 0.0),
        ("999999999", LONGEST_RETRY_AFTER),
        ("Sun, 21 Sep 2036 12:00:00 GMT", LONGEST_RETRY_AFTER),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_capped(value: str, seconds: float | None) -> None:
    assert retry_after_seconds({"RETRY-AFTER": value}, NOW) == seconds


def test_no_header_is_no_wait() -> None:
    assert retry_after_seconds({}, NOW) is None
    assert retry_after_seconds(httpx.Headers({"Retry-After": "5"}), NOW + timedelta(days=1)) == 5.0


@pytest.mark.parametrize(
    "code",
    ["08000", "08006", "08P01", "40001", "40P01", "53100", "53300", "55P03", "57014", "57P01", "57P03"],
)
def test_a_code_that_may_pass_is_transient(code: str) -> None:
    assert classify_sqlstate(code)


@pytest.mark.parametrize(
    "code",
    ["21000", "22P02", "23502", "23505", "25006", "28P01", "40002", "42501", "42P01", "57000", "P0001", ""],
)
def test_a_code_that_will_not_pass_is_permanent(code: str) -> None:
    assert not classify_sqlstate(code)


@pytest.mark.parametrize(
    ("code", "transient"),
    [
        *((f"PGRST00{number}", True) for number in range(4)),
        *((code, False) for code in ("PGRST100", "PGRST204", "PGRST301", "PGRST303", "PGRSTX00")),
    ],
)
def test_of_the_codes_of_postgrest_only_the_first_four_may_pass(code: str, transient: bool) -> None:
    assert classify_sqlstate(code) is transient


def _raised(kind: type[psycopg.Error], message: str, **fields: str) -> psycopg.Error:
    info: dict[int, bytes | None] = {
        DiagnosticField.SQLSTATE: (kind.sqlstate or "").encode(),
        DiagnosticField.MESSAGE_PRIMARY: message.encode(),
        DiagnosticField.MESSAGE_DETAIL: b"Failing row contains (4711, JOANA).",
        DiagnosticField.MESSAGE_HINT: b"hint of JOANA",
        DiagnosticField.CONTEXT: b"COPY dre, line 3: JOANA",
        **{DiagnosticField[name.upper()]: value.encode() for name, value in fields.items()},
    }
    return kind(f"{message}\nDETAIL:  Failing row contains (4711, JOANA).", info=info)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            _raised(
                errors.UniqueViolation,
                'duplicate key value violates unique constraint "dre_pkey"',
                table_name="dre",
                constraint_name="dre_pkey",
            ),
            'Load: duplicate key value violates unique constraint "dre_pkey" '
            "(SQLSTATE 23505, table dre, constraint dre_pkey).",
        ),
        (
            _raised(
                errors.NotNullViolation, 'null value in column "conta"', table_name="dre", column_name="conta"
            ),
            'Load: null value in column "conta" (SQLSTATE 23502, table dre, column conta).',
        ),
        (
            _raised(errors.InvalidTextRepresentation, 'invalid input syntax for type numeric: "JO"ANA"'),
            'Load: invalid input syntax for type numeric: "…" (SQLSTATE 22P02).',
        ),
        (
            _raised(errors.RaiseException, "lead 123.456.789-00 of j@x.br is 'JOANA'"),
            'Load: lead … of … is "…" (SQLSTATE P0001).',
        ),
        (
            _raised(errors.UndefinedTable, 'relation "sync_private.segments" does not exist'),
            'Load: relation "sync_private.segments" does not exist (SQLSTATE 42P01).'
            " If it is one of ours, `sync-pipelines migrate` makes it.",
        ),
    ],
)
def test_a_statement_error_is_told_without_its_row(error: psycopg.Error, sentence: str) -> None:
    made = from_postgres(error, what="Load")

    assert str(made) == sentence
    assert isinstance(made, PermanentError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_raised(errors.DeadlockDetected, "deadlock detected"), TransientError),
        (_raised(errors.QueryCanceled, "canceling statement due to statement timeout"), TransientError),
        (_raised(errors.AdminShutdown, "terminating connection"), TransientError),
        (_raised(errors.InternalError_, "MaxClientsInSessionMode: max clients reached"), TransientError),
        (_raised(errors.InternalError_, "Tenant or user not found"), PermanentError),
        (_raised(errors.InsufficientPrivilege, "permission denied for table dre"), PermanentError),
        (psycopg.OperationalError("connection failed: Connection refused"), TransientError),
        (psycopg.OperationalError("consuming input failed: server closed the connection"), TransientError),
        (psycopg.OperationalError("FATAL: too many connections for role"), TransientError),
        (psycopg.OperationalError('FATAL:  password authentication failed for user "u"'), PermanentError),
        (psycopg.OperationalError('FATAL:  database "x" does not exist'), PermanentError),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), PermanentError),
        (psycopg.ProgrammingError('missing "=" after "hunter2 JOANA"'), PermanentError),
    ],
)
def test_what_the_database_says_decides(error: psycopg.Error, kind: type[SyncError]) -> None:
    made = from_postgres(error, what="Load")

    assert type(made) is kind
    assert "JOANA" not in str(made)
    assert "\n" not in str(made)


def test_a_real_refused_connection_is_transient_and_hides_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(psycopg.OperationalError) as caught:
            psycopg.connect(f"postgresql://u:s3cr3t@127.0.0.1:{port}/x", connect_timeout=2)

    made = from_postgres(caught.value, what="Connecting")

    assert isinstance(made, TransientError)
    assert "refused" in str(made)
    assert "s3cr3t" not in str(made)


def test_every_sentence_is_redacted_as_it_is_made() -> None:
    assert str(SyncError("at postgres://u:s3cr3t@h/db")) == "at postgres://***@h/db"


def test_an_error_travels_between_processes_whole() -> None:
    copy = pickle.loads(pickle.dumps(TransientError("Busy.", retry_after=3.0)))

    assert (type(copy), str(copy), copy.retry_after) == (TransientError, "Busy.", 3.0)
