"""`sync-pipelines run erp` and `erp sync` as a person types them: what they do, and their exit status."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sync_pipelines.cli.app import app
from sync_pipelines_tests.erp.installation import Installed

Typed = Callable[[str], Result]


@pytest.fixture
def typed(installed: Installed, tmp_path: Path) -> Typed:
    """The command has no clock but that of now, and waits as long as a vendor asks: a request is made once a minute."""
    installed.clock.now = datetime.now(UTC)

    def type_command(command: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            return CliRunner().invoke(app, shlex.split(command), env=installed.environment)

    return type_command


def test_the_command_ends_with_0_only_when_everything_is_proved(typed: Typed, installed: Installed) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert typed("run erp").exit_code == 0  # nothing is due
    one = installed.connect("omie", months=1, next_sync_at=later)
    month = installed.months[-1]
    done = typed(f"erp sync {one.id} --modules nfe --from {month:%Y-%m} --to {month:%Y-%m}")
    assert done.exit_code == 0, done.output
    log = installed.log(one)
    assert (log["status"], list(log["details"]["modules"])) == ("success", ["nfe"])
    assert list(log["details"]["months"]) == [month.isoformat()]
    for secret in one.credentials.values():
        assert str(secret) not in done.output
    with installed.pipeline().runs.execution(one.id, run_id="other"):
        busy = typed(f"run erp --connection {one.key}")
    assert busy.exit_code == 1
    assert "being synced by another run" in busy.output


@pytest.mark.parametrize(
    "command",
    [
        "run erp --connection omie_ffffffff",
        "run erp --modules estoque",
        "erp sync omie_ffffffff",
        "run erp --from 2999-01",
    ],
)
def test_what_cannot_be_done_ends_with_1(typed: Typed, command: str) -> None:
    assert typed(command).exit_code == 1


def test_a_month_that_is_none_is_refused_before_anything_is_done(typed: Typed) -> None:
    assert typed("run erp --from janeiro").exit_code == 2
