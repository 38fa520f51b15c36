"""`accept` in the launchpad: known words are accepted, an unknown one is refused in a sentence."""

from __future__ import annotations

from typing import ClassVar

import dagster as dg
import pytest

from sync_pipelines.lib.orchestration.accept_config import AcceptConfig


class ToyConfig(AcceptConfig):
    words: ClassVar = ("fewer_rows", "another_header")


def test_nothing_is_accepted_by_default() -> None:
    assert ToyConfig().accepted() == frozenset()


def test_known_words_are_accepted() -> None:
    assert ToyConfig(accept=["fewer_rows"]).accepted() == {"fewer_rows"}


def test_an_unknown_word_is_refused_with_those_that_there_are_and_not_retried() -> None:
    with pytest.raises(dg.Failure) as caught:
        ToyConfig(accept=["fewer_rows", "everything", "all"]).accepted()
    assert caught.value.description == (
        "accept names all, everything; what can be decided is fewer_rows, another_header."
    )
    assert caught.value.allow_retries is False
    assert caught.value.__cause__ is None
