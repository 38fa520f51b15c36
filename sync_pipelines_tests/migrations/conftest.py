"""Databases as somebody left them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_pipelines_tests.migrations.databases import run


@pytest.fixture
def found(new_database: Callable[[str | None], str]) -> Callable[[str], str]:
    """A database as somebody left it."""

    def make(statements: str) -> str:
        url = new_database(None)
        run(url, statements)
        return url

    return make
