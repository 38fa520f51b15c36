"""The pages of a list in the landing store: one line a page, also of a list that broke off."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
import zstandard

from sync_pipelines.erp.raw_pages import read_list
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Page
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.sandbox.erp.database import add_connection
from sync_pipelines_tests.erp.account import Syncs

ASSET = "erp/produtos"


@pytest.fixture
def session(erp: psycopg.Connection[Any], syncs: Syncs) -> SyncSession:
    return syncs.session(add_connection(erp, UUID(int=1), "omie", credentials={}))


def pages(*raw: bytes, breaks: bool = False) -> Iterator[Page[int]]:
    for number, one in enumerate(raw):
        yield Page(one, [number])
    if breaks:
        raise TransientError("The page did not come.")


def lines(session: SyncSession, path: str) -> list[bytes]:
    with session.landing.fetch(path) as file, file.open("rb") as packed:
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(packed)).read().splitlines()


def landed(session: SyncSession) -> list[tuple[Any, ...]]:
    return session.records.connection.execute(
        "select path, status, reason, details ->> 'connection' from ops.landed_files order by id"
    ).fetchall()


def test_a_whole_list_is_its_items_and_a_line_for_each_page(session: SyncSession) -> None:
    read = read_list(session, ASSET, pages(b'{"a":\r\n 1}', b"{}"), stage="products")
    assert read.items == [0, 1]
    assert lines(session, read.file.path) == [b'{"a":   1}', b"{}"]
    assert landed(session) == [(read.file.path, "landed", None, session.key)]


def test_a_list_that_breaks_off_is_kept_and_refused(session: SyncSession) -> None:
    with pytest.raises(TransientError, match="did not come"):
        read_list(session, ASSET, pages(b"[1]", breaks=True), stage="products")
    ((path, status, reason, _),) = landed(session)
    assert (status, reason, lines(session, path)) == ("refused", "The page did not come.", [b"[1]"])


def test_nothing_is_kept_of_a_list_whose_first_page_fails(session: SyncSession) -> None:
    with pytest.raises(TransientError):
        read_list(session, ASSET, pages(breaks=True), stage="products")
    assert landed(session) == [] and session.landing.names("") == []
