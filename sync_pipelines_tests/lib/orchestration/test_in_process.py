"""Where a run of the command line keeps its history, and that it goes on where there is no place for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.systems import read_settings


@pytest.mark.parametrize("home", ["not/whole", "{tmp}/not-made-yet"])
def test_a_home_that_is_not_there_costs_the_history_and_not_the_run(
    home: str, tmp_path: Path, new_database: Callable[[str | None], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home.format(tmp=tmp_path))
    values = read_settings(None, dagster_pg_url=new_database(None), landing_url=str(tmp_path / "landing"))
    notes: list[str] = []
    with in_process.instance(values.installation, notes.append) as instance:
        assert instance.is_ephemeral
    (note,) = notes
    assert note.startswith("DAGSTER_HOME names no folder")
