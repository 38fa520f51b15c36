"""What a probe of a write says, as verdicts."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.http.postgrest import Problem
from sync_pipelines.scouter.schema.columns import DestinationColumn
from sync_pipelines.scouter.schema.probe import Probed, probe_verdicts


@pytest.mark.parametrize(
    ("status", "code", "rule", "told"),
    [
        (400, "42P10", "key", "no unique key"),
        (404, "PGRST205", "table", "has no table leads"),
        (404, "42P01", "table", "has no table leads"),
        (404, None, "table", "not the address"),
        (403, "42501", "refused", "service role"),
        (401, "42501", "refused", "service role"),
        (400, "42703", "stale_cache", "reload"),
        (405, "25006", "refused", "405 25006"),
    ],
)
def test_what_a_probe_is_refused_for(status: int, code: str | None, rule: str, told: str) -> None:
    (found,) = probe_verdicts(Probed(problem=Problem(status, code, "fatal")), None)
    assert (found.field, found.level, found.rule) == ("*", "error", rule)
    assert told in found.sentence


def test_a_column_that_the_document_shows_and_a_write_does_not_find_wants_a_reload() -> None:
    shown = {"nome": DestinationColumn("nome", "text")}
    (found,) = probe_verdicts(Probed(("nome", "age")), shown)  # age has its verdict by the document
    assert (found.field, found.rule) == ("nome", "not_in_cache")
    assert [one.field for one in probe_verdicts(Probed(("nome", "age")), None)] == ["nome", "age"]
