"""What an answer of Tiny means, whatever its status and form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.erp.vendors.tiny import plan_limits
from sync_pipelines.erp.vendors.tiny_answers import judge
from sync_pipelines.lib.failures import (
    PermanentError,
    RefusedError,
    SyncError,
    ThrottledError,
    TransientError,
)
from sync_pipelines.lib.http.json import JsonAnswer

DONE = {"status": "OK", "status_processamento": 3}
PERSON = "JOAO DA SILVA 123.456.789-09"


def answer(body: object, status: int = 200) -> JsonAnswer:
    return JsonAnswer(status, body, is_json=True, content=json.dumps(body).encode())


def in_xml(content: bytes, status: int = 200) -> JsonAnswer:
    return JsonAnswer(status, None, is_json=False, content=content)


def erro(code: object) -> JsonAnswer:
    return answer({"retorno": {"status": "Erro", "codigo_erro": code, "erros": {"erro": PERSON}}})


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer({"retorno": DONE}), None),
        (answer({"retorno": {"status": "ok"}}), None),
        (answer({"retorno": {**DONE, "status_processamento": "3", "codigo_erro": 0}}), None),
        (answer({"retorno": {**DONE, "status_processamento": "4"}}), TransientError),
        (answer({"retorno": {**DONE, "status": "Erro"}}), TransientError),
        (answer({"retorno": {}}), TransientError),
        (answer({"retorno": []}), TransientError),
        (answer([]), TransientError),
        (in_xml(b"<retorno><status>OK</status></retorno>"), None),
        (in_xml(b"<retorno><status>Erro</status><codigo_erro> 2 </codigo_erro></retorno>"), RefusedError),
        (in_xml(b"<retorno><status>Erro"), TransientError),
        (in_xml(b"<html/>"), TransientError),
        (in_xml(b""), TransientError),
        # A code says more than a status.
        (answer({"retorno": {"status": "Erro", "codigo_erro": 2}}, 500), RefusedError),
        (answer({"message": "no"}, 401), RefusedError),
        (answer({}, 404), PermanentError),
        (in_xml(b"<html/>", 429), ThrottledError),
        (in_xml(b"<html/>", 503), TransientError),
        *((erro(code), None) for code in (20, "20", 23, 32, 34)),
        *((erro(code), RefusedError) for code in (1, "2", 5, 7, "8")),
        *((erro(code), ThrottledError) for code in (6, "11")),
        *((erro(code), PermanentError) for code in ("10", 30, 31)),
        *((erro(code), TransientError) for code in (35, "99", 1234, "?", None)),
    ],
)
def test_what_an_answer_means(given: JsonAnswer, kind: type[SyncError] | None) -> None:
    problem = judge(given)
    assert (type(problem) if problem else None) is kind
    assert PERSON not in str(problem)


@pytest.mark.slow
@given(st.recursive(st.none() | st.integers() | st.text(), lambda one: st.dictionaries(st.text(), one)))
def test_no_answer_breaks_it(body: object) -> None:
    assert judge(answer({"retorno": body})) is not None or body in ({},)
    assert judge(answer(body)) is not None


@pytest.mark.parametrize(
    ("said", "calls"),
    [
        ("30", 30),
        ("120", 120),
        ("5", 5),
        ("0", None),
        ("-1", None),
        ("", None),
        ("muitas", None),
        ("9999", None),
    ],
)
def test_a_plan_is_what_the_header_says_of_calls_a_minute(said: str, calls: int | None) -> None:
    limits = plan_limits(JsonAnswer(200, {}, is_json=True, headers={"x-limit-api": said}))
    assert (limits and limits.calls[0].calls) == calls
    assert plan_limits(JsonAnswer(200, {}, is_json=True)) is None
