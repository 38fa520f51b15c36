import json
import logging
import threading
import traceback
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipelines.lib.redaction import (
    HARMLESS,
    HARMLESS_SHAPE,
    WORD_LENGTH,
    RedactingFilter,
    Redactor,
    install_logging,
    safe_url,
)

EXPORT = (
    "https://control.example/api/api/export/xls?servicoFiltro=-1&projetoAtivoFiltro=true"
    "&responsavelprojetoFiltro=JO%C3%83O%20DA%20SILVA&idresponsavelprojetoFiltro=4711&visaoFiltro=PROJ"
    "&usuarioFiltro=joao.silva&perfilFiltro=GESTOR+DE+AREA%7CDIRETOR&filtroDeFiltro=09-2016"
)


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


@pytest.fixture
def export(redactor: Redactor) -> Redactor:
    redactor.register(EXPORT)
    return redactor


@pytest.mark.parametrize(
    "text",
    [
        EXPORT,
        "JOÃO DA SILVA",
        "joão da silva",
        "JO%C3%83O+DA%20SILVA",
        "JO%c3%83O%2520DA%2520SILVA",
        "JO%C3O DA SILVA",
        json.dumps("JOÃO DA SILVA"),
        "id 4711.",
        "%204711%20",
        "joao.silva@host",
        "GESTOR DE AREA|DIRETOR",
        "GESTOR%20DE%20AREA%7cDIRETOR",
    ],
)
def test_what_a_url_tells_about_a_person_is_masked_however_it_is_written(export: Redactor, text: str) -> None:
    clean = export.redact(f"before {text} after")

    assert "***" in clean
    assert not {"JOÃO", "joão", "SILVA", "silva", "4711", "DIRETOR"} & set(clean.replace("+", " ").split())
    assert clean.startswith("before ") or text == EXPORT
    assert clean.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        "true and -1",
        "the month 09-2016",
        "22,297 rows, 47110 bytes, 14711",
        "PROJETO novo",
        "https://control.example/api/api/export/xls",
    ],
)
def test_harmless_values_are_left_alone(export: Redactor, text: str) -> None:
    assert export.redact(text) == text


def test_the_caller_can_declare_a_parameter_or_a_value_harmless() -> None:
    by_name, by_value, neither = Redactor(), Redactor(), Redactor()
    by_name.register(EXPORT, harmless={"visaoFiltro"})
    by_value.register(EXPORT, harmless={"PROJ"})
    neither.register(EXPORT)

    assert by_name.redact("view PROJ") == by_value.redact("view PROJ") == "view PROJ"
    assert neither.redact("view PROJ") == "view ***"


@pytest.mark.parametrize("secret", ["hunter2!", "p@ss/wörd#1", 'quo"te\\s', "two\nlines", "100%sure"])
def test_a_plain_secret_is_masked_raw_encoded_and_in_json(redactor: Redactor, secret: str) -> None:
    redactor.register(secret)

    for form in (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
    ):
        assert redactor.redact(f"x{form}y") == "x***y"


def test_a_secret_of_three_characters_is_not_masked(redactor: Redactor) -> None:
    redactor.register("abc")

    assert redactor.redact("abc abcd") == "abc abcd"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres.ref:s3cr%40t-pw@db.example:5432/postgres?sslmode=require",
        "postgresql://postgres.ref:s3cr@t-pw@db.example:5432/postgres",
        "postgresql://postgres.ref:s3cr@t-pw/more@db.example:5432/postgres",
    ],
)
def test_the_password_of_a_database_url_is_masked_alone(redactor: Redactor, url: str) -> None:
    redactor.register(url)

    assert "s3cr" not in redactor.redact(
        'login failed with "s3cr@t-pw"' if "/more" not in url else "s3cr@t-pw/more"
    )
    assert redactor.redact("sslmode=require on db.example") == "sslmode=require on db.example"


def test_a_token_in_the_path_of_a_webhook_is_masked_and_its_words_are_not(redactor: Redactor) -> None:
    redactor.register("https://hooks.example/services/weekly-and-daily-alerts/T0123456789ABCDEFGH")

    told = redactor.redact("T0123456789ABCDEFGH of services/weekly-and-daily-alerts")

    assert told == "*** of services/weekly-and-daily-alerts"


def test_a_user_name_is_masked_only_where_it_is_the_token(redactor: Redactor) -> None:
    redactor.register("postgres://postgres.abcdef0123456789:pass-word@h/db")
    redactor.register("https://ghp0123456789abcdef@git.example/x")

    assert redactor.redact("postgres.abcdef0123456789") == "postgres.abcdef0123456789"
    assert redactor.redact("ghp0123456789abcdef") == "***"


def test_overlapping_secrets_leave_no_piece(redactor: Redactor) -> None:
    redactor.register("alpha-beta")
    redactor.register("beta-gamma-delta")
    redactor.register("beta")

    assert redactor.redact("<alpha-beta-gamma-delta>") == "<***>"
    assert redactor.redact("<beta> <alpha-beta>") == "<***> <***>"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("postgres://u:p@ss@h:5432/db", "postgres://***@h:5432/db"),
        ("see https://example.com/a@b", "see https://example.com/a@b"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("{'authorization': 'Basic dTpw', 'x': 1}", "{'authorization': ***, 'x': 1}"),
        ('{"access_token": "abc def", "page": 2}', '{"access_token": ***, "page": 2}'),
        ("(b'apikey', b'k1')", "(b'apikey', ***)"),
        ("?page=2&api_key=k1&limit=3", "?page=2&api_key=***&limit=3"),
        ("host=h password=p1 dbname=d", "host=h password=*** dbname=d"),
        ("sent Bearer sbp_0123456789", "sent Bearer ***"),
        ("Basic authentication is used", "Basic authentication is used"),
        ("Set-Cookie: sid=1; path=/", "Set-Cookie: ***"),
        ("jwt is eyJhbGciOi.eyJzdWIi.c2ln", "jwt is ***"),
        ("max_tokens=5 and token_type is bearer", "max_tokens=5 and token_type is bearer"),
    ],
)
def test_what_looks_like_a_secret_is_masked_unregistered(redactor: Redactor, text: str, clean: str) -> None:
    assert redactor.redact(text) == clean
    assert redactor.redact(clean) == clean


VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=20).filter(
    lambda value: (
        len(value.strip()) >= 4
        and value.strip("*") != ""
        and value.casefold() not in HARMLESS
        # A placeholder such as {inicio} says what is asked, and no secret looks like it.
        and not HARMLESS_SHAPE.fullmatch(value)
    )
)
EDGES = st.sampled_from(["", " ", "=", "/", '"', "%20", "%2520", "\n", "&x="])


@settings(max_examples=50)
@given(values=st.lists(VALUES, min_size=1, max_size=4), before=EDGES, after=EDGES, plus=st.booleans())
def test_no_query_value_survives(values: list[str], before: str, after: str, plus: bool) -> None:
    redactor = Redactor()
    names = [f"name{number}" for number in range(len(values))]
    pairs = list(zip(names, values, strict=True))
    redactor.register(f"https://h.example/p?{urlencode(pairs, quote_via=quote_plus if plus else quote)}")

    for value in values:
        for form in (value, quote(value, safe=""), quote_plus(value)):
            assert form not in redactor.redact(f"text {before}{form}{after} text")


@given(value=VALUES.filter(lambda value: len(value) >= WORD_LENGTH), around=st.text(max_size=10))
def test_a_long_value_does_not_survive_between_any_other_text(value: str, around: str) -> None:
    redactor = Redactor()
    redactor.register(f"https://h.example/p?name={quote(value, safe='')}")

    assert value not in redactor.redact(f"{around}{value}{around}")


@given(text=st.text(max_size=200))
def test_redaction_is_idempotent_and_total(text: str) -> None:
    redactor = Redactor()
    redactor.register(EXPORT)

    assert redactor.redact(redactor.redact(text)) == redactor.redact(text)


def test_registering_while_redacting_loses_nothing(redactor: Redactor) -> None:
    secrets = [f"secret-number-{number:03}" for number in range(60)]
    threads = [threading.Thread(target=redactor.register, args=(secret,)) for secret in secrets]
    for thread in threads:
        thread.start()
        redactor.redact("nothing here")
    for thread in threads:
        thread.join()

    assert [redactor.redact(secret) for secret in secrets] == ["***"] * 60


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://u:p@h.example:8443/a/b?q=1#f", "https://h.example:8443/a/b"),
        ("https://h.example", "https://h.example"),
        ("postgres://u:p/q@h/db", "postgres://h/db"),
        ("postgres://u:12/q@h/db", "postgres://***"),
        ("https://[::1]:80/x?y", "https://[::1]:80/x"),
        ("https://h.example/nfe/35260712ABC34501DE35550010000000011123456784", "https://h.example/nfe/***"),
        ("/login?next=secret", "/login"),
        ("a secret that is no URL", "(not a URL)"),
    ],
)
def test_a_safe_url_has_neither_user_nor_query(url: str, safe: str) -> None:
    assert safe_url(url) == safe


def test_an_exception_becomes_one_line_without_secrets_and_queries(export: Redactor) -> None:
    error = ValueError(
        "no answer from https://other.example/x?user=ana for\tJOÃO DA SILVA\nDETAIL: row (ana)"
    )

    assert export.redacted_exception(error) == (
        "ValueError: no answer from https://other.example/x?*** for ***"
    )
    assert export.redacted_exception(KeyboardInterrupt()) == "KeyboardInterrupt"


def _record(msg: object, *args: object) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, msg, args, None)


def test_the_filter_cleans_arguments_and_keeps_their_number(export: Redactor) -> None:
    record = _record("%s took %d ms for %s", "joao.silva", 20, 4711)

    assert RedactingFilter(export).filter(record)
    assert record.getMessage() == "*** took 20 ms for ***"
    assert isinstance(record.args, tuple)
    assert len(record.args) == 3


def test_the_filter_leaves_a_clean_record_as_it_was(export: Redactor) -> None:
    record = _record("%s rows", 22297)

    RedactingFilter(export).filter(record)

    assert (record.msg, record.args) == ("%s rows", (22297,))


@pytest.mark.parametrize(
    ("msg", "args"),
    [
        ("id %d", (4711,)),
        ("id %(id)s", ({"id": "joao.silva"},)),
        ("joao.%s", ("silva",)),
        ("too few %s %s", ("joao.silva",)),
        (ValueError("joao.silva"), ()),
    ],
)
def test_the_filter_cleans_every_shape_of_message(
    export: Redactor, msg: object, args: tuple[object, ...]
) -> None:
    record = _record(msg, *args)

    RedactingFilter(export).filter(record)

    shown = f"{record.msg} {record.args}"
    assert "***" in shown
    assert "4711" not in shown
    assert "silva" not in shown or record.args == ("silva",)


def test_the_filter_cleans_traceback_and_stack(export: Redactor) -> None:
    record = _record("failed")
    try:
        raise ValueError("for JOÃO DA SILVA")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    record.stack_info = "Stack: joao.silva"

    RedactingFilter(export).filter(record)

    printed = logging.Formatter().format(record)
    assert "ValueError: for ***" in printed
    assert "Traceback" in printed
    assert "silva" not in printed.lower()
    assert record.exc_info is None


def test_the_filter_keeps_a_clean_exception_for_other_handlers(export: Redactor) -> None:
    record = _record("failed")
    error = ValueError("nothing secret")
    record.exc_info = (ValueError, error, None)

    RedactingFilter(export).filter(record)

    assert record.exc_info == (ValueError, error, None)
    assert "nothing secret" in "".join(traceback.format_exception(error))


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    factory, root = logging.getLogRecordFactory(), logging.getLogger()
    filters = {handler: list(handler.filters) for handler in root.handlers}
    # Whatever ran before may have installed the house's own redactor.
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    logging.setLogRecordFactory(factory)
    for handler, before in filters.items():
        handler.filters[:] = before


@pytest.mark.usefixtures("logging_as_it_was")
def test_after_installation_a_handler_anywhere_sees_clean_records(export: Redactor) -> None:
    seen: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(self.format(record))

    root_handler = Collecting()
    logging.getLogger().addHandler(root_handler)
    lonely = logging.Logger("of a server")
    lonely.addHandler(Collecting())

    install_logging(export)
    install_logging(export)
    factory = logging.getLogRecordFactory()
    install_logging(export)
    lonely.warning("user %s", "joao.silva")
    root_handler.handle(logging.makeLogRecord({"msg": "came over a queue: joao.silva"}))
    logging.getLogger().removeHandler(root_handler)

    assert logging.getLogRecordFactory() is factory
    assert sum(isinstance(known, RedactingFilter) for known in root_handler.filters) == 1
    assert seen == ["user ***", "came over a queue: ***"]
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore.http11").isEnabledFor(logging.DEBUG)
