"""A request of a push that has ended arrives there after the next one's: it undoes nothing, on neither side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import httpx
import pytest

from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.interrupted import Interrupted, kind_of
from sync_pipelines_tests.scouter.reverse.test_changed_columns import export_with, use_mapping
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay

READ = PushOptions(compare=True)
PERSON = "Pessoa 1 ção 🙂"


def push_without_arriving(
    two_way: TwoWay, error: BaseException, *, push: Callable[[], object] | None = None
) -> httpx.Request:
    """A push that ends while its request is on its way."""
    kept: list[httpx.Request] = []

    class Slow(Interrupted):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if kind_of(request) in ("upsert", "change"):
                kept.append(request)
                raise error
            return super().handle_request(request)

    two_way.installation.use_client(transport=Slow())
    with pytest.raises(BaseException):  # noqa: B017 (a pause, or the end of the process)
        (push or two_way.push)()
    two_way.installation.use_client(transport=None)
    two_way.installation.tab.execute(
        "delete from public.gestao_scouter_export_jobs where status not in ('completed', 'failed')"
    )
    return kept[0]


def arrive(request: httpx.Request) -> None:
    with httpx.HTTPTransport() as wire:
        again = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        assert wire.handle_request(again).status_code < 300


def settle(two_way: TwoWay) -> None:
    two_way.push(READ)
    two_way.is_quiet()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), httpx.ReadTimeout("slow")])
def test_after_the_next_write(two_way: TwoWay, error: BaseException) -> None:
    two_way.edit(name="Ana B")
    request = push_without_arriving(two_way, error)
    two_way.edit(name="Ana C")
    two_way.push()
    arrive(request)
    settle(two_way)
    two_way.are(name="Ana C")


@pytest.mark.parametrize("value", ["Nova", None])
def test_after_a_drain_and_another_edit(two_way: TwoWay, value: str | None) -> None:
    two_way.edit(etapa="Ligou")
    request = push_without_arriving(two_way, KeyboardInterrupt())
    two_way.drain()
    two_way.edit(etapa=value)
    arrive(request)
    settle(two_way)
    two_way.are(etapa=value)


@pytest.mark.parametrize("is_pushed", [True, False])
def test_over_an_edit_there_that_was_taken(two_way: TwoWay, is_pushed: bool) -> None:
    two_way.edit(name="Ana B")
    request = push_without_arriving(two_way, KeyboardInterrupt())
    two_way.edit_there(etapa="Ligou")
    two_way.drain()
    if is_pushed:
        two_way.push()
    arrive(request)
    settle(two_way)
    two_way.are(name="Ana B", etapa="Ligou")


def test_of_a_new_lead(two_way: TwoWay) -> None:
    new = two_way.installation.lead(60, two_way.installation.push.clock(), name="Ana B", etapa="Nova")
    request = push_without_arriving(two_way, KeyboardInterrupt())
    two_way.edit(new, name="Ana C", etapa=None)
    two_way.push()
    arrive(request)
    settle(two_way)
    two_way.are(new, name="Ana C", etapa=None)
    two_way.are(LEAD, name=PERSON)


def test_over_an_edit_here_that_a_person_there_has_not_seen(two_way: TwoWay) -> None:
    """What it brings is ours of before: the later edit there is one of the other field."""
    two_way.edit(fonte="Feira")
    request = push_without_arriving(two_way, KeyboardInterrupt())
    two_way.drain()
    two_way.push(READ)
    two_way.edit(fonte="Loja")
    arrive(request)
    two_way.edit_there(etapa="Ligou")
    settle(two_way)
    two_way.are(fonte="Loja", etapa="Ligou")


def test_after_a_merge_that_found_it_missing(two_way: TwoWay) -> None:
    two_way.edit(fonte="Feira")
    request = push_without_arriving(two_way, KeyboardInterrupt())
    two_way.drain()  # the reverse sync looks for what was about to be written
    two_way.edit(fonte="Loja")
    arrive(request)
    two_way.edit_there(etapa="Ligou")
    settle(two_way)
    two_way.are(fonte="Loja", etapa="Ligou")
    assert two_way.conflicts == []


@pytest.mark.parametrize("after", ["Site", "Loja"])
@pytest.mark.parametrize("first", ["push", "drain"])
def test_after_a_mapping_without_one_of_its_fields(two_way: TwoWay, first: str, after: str) -> None:
    two_way.edit(fonte="Feira")
    request = push_without_arriving(two_way, KeyboardInterrupt())
    use_mapping(two_way, etapa="etapa", age="age")
    two_way.edit(age=44)
    if first == "drain":
        two_way.drain()
    two_way.push()
    two_way.installation.tab.execute("truncate public.gestao_scouter_field_mappings")
    two_way.edit(fonte=after)
    two_way.push()
    arrive(request)
    settle(two_way)
    two_way.are(fonte=after, age=44)
    assert two_way.conflicts == []


@pytest.mark.parametrize("first", ["push", "drain"])
def test_of_an_export_with_a_transform(two_way: TwoWay, first: str) -> None:
    """Nothing tells its value from a person's: TabuladorMax's stays, and that is listed."""
    export = partial(export_with, two_way, etapa={"from": "etapa", "transform": "lowercase"})
    request = push_without_arriving(two_way, KeyboardInterrupt(), push=export)
    if first == "drain":
        two_way.drain()
    two_way.push(READ)
    arrive(request)
    settle(two_way)
    two_way.are(etapa="Nova")
    assert set(two_way.conflicts) == {("etapa", '"Nova"', '"nova"', "here")}
