"""`accept` in the launchpad: what a person decides when starting a run by hand."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.acceptance import known_words
from sync_pipelines.lib.failures import PermanentError


class AcceptConfig(dg.Config):
    """A run's config with `accept`. A subclass gives its words, and describes the field for the launchpad."""

    words: ClassVar[Collection[str]] = ()
    accept: list[str] = Field(default_factory=list)

    def accepted(self) -> frozenset[str]:
        """The accepted words. Raises dagster.Failure if one of them is not known."""
        try:
            return known_words(self.accept, self.words)
        except PermanentError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
