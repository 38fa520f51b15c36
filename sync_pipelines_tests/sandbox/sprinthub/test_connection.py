"""Tenant and token (contract of SprintHub, section 1): any of three forms, and what is said without."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake

PATHS = ("/leads/2001", "/segments", "/segments/9", "/leads")


@pytest.fixture(scope="module")
def crm() -> Any:
    with SprinthubFake(token="token-de-teste") as fake:
        fake.tenant.add_segment(9, 3)
        yield fake


def get(
    crm: SprinthubFake, path: str, *, headers: dict[str, str] | None = None, **params: str
) -> httpx.Response:
    return httpx.get(f"{crm.url}{path}", params=params, headers=headers)


@pytest.mark.parametrize("path", PATHS)
def test_each_form_of_the_token_is_enough(crm: SprinthubFake, path: str) -> None:
    forms: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"apitoken": crm.token}, {}),
        ({}, {"apitoken": crm.token}),
        ({}, {"Authorization": f"Bearer {crm.token}"}),
        ({"apitoken": "errado"}, {"Authorization": f"bearer {crm.token}"}),
    ]
    for params, headers in forms:
        assert get(crm, path, headers=headers, i=crm.instance, **params).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"apitoken": "errado"}, {"Authorization": "Bearer errado"}, {"Authorization": "token-de-teste"}],
)
def test_without_the_token_the_answer_is_another_401_than_throttling(
    crm: SprinthubFake, path: str, headers: dict[str, str]
) -> None:
    answer = get(crm, path, headers=headers, i=crm.instance)
    assert answer.status_code == 401
    assert answer.json() == {"msg": "Token de API inválido"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("params", [{}, {"i": ""}, {"i": "outro"}])
def test_a_call_names_its_tenant(crm: SprinthubFake, path: str, params: dict[str, str]) -> None:
    answer = get(crm, path, headers={"apitoken": crm.token}, **params)
    assert answer.status_code == 400
    assert answer.json() == {"msg": "Cliente não definido"}


def test_a_list_is_asked_for_by_post_and_needs_both_as_well(crm: SprinthubFake) -> None:
    address = f"{crm.url}/leadsfromtype/segment/9"
    body = {"page": 0, "limit": 10, "query": "{total leads{id}}"}
    assert httpx.get(address, params={"i": crm.instance, "apitoken": crm.token}).status_code == 405
    assert httpx.post(address, json=body, headers={"apitoken": crm.token}).status_code == 400
    assert httpx.post(address, json=body, params={"i": crm.instance}).status_code == 401
    good = httpx.post(address, json=body, params={"i": crm.instance, "apitoken": crm.token})
    assert good.json()["data"]["total"] == 3


def test_what_is_kept_of_calls_bears_no_token(crm: SprinthubFake) -> None:
    crm.clear()
    get(crm, "/leads/2001", i=crm.instance, apitoken=crm.token)
    get(crm, "/leads/2002", headers={"apitoken": crm.token}, i=crm.instance)
    assert [(call.kind, call.subject, call.status) for call in crm.calls.all] == [
        ("detail", 2001, 200),
        ("detail", 2002, 200),
    ]
    assert crm.token not in repr(crm.calls.all)
