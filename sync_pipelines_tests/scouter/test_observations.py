"""What the demo looks at beside the runs of the systems."""

from __future__ import annotations

from rich.console import Console

from sync_pipelines.definitions import build
from sync_pipelines.sandbox import common
from sync_pipelines.sandbox.observations import observe
from sync_pipelines.sandbox.scouter.database import drop_column
from sync_pipelines.sandbox.scouter.part import PART
from sync_pipelines_tests.scouter.installation import Installation


def observed(installation: Installation) -> tuple[bool, str]:
    console = Console(width=1000, record=True)
    observations = [one for part in (common.PART, PART) for one in part.observations]
    good = observe(
        observations, build(installation.settings), settings=installation.settings, console=console
    )
    return good, console.export_text()


def test_schemas_and_sizes_are_materialized_and_told(installation: Installation) -> None:
    good, told = observed(installation)
    assert good
    assert "scouter/schema: 34 fields are mapped, 0 do not fit." in told
    assert "operations/growth: ops " in told


def test_a_column_that_is_missing_there_makes_it_red(installation: Installation) -> None:
    drop_column(installation.gestao, "nome")
    installation.gestao.execute("notify pgrst, 'reload schema'")
    good, told = observed(installation)
    assert not good
    assert "1 do not fit" in told
    assert "has no column nome" in told
    assert "operations/growth: ops " in told, "one that is red keeps no other from being looked at"
