import sys

import pytest

from sync_pipelines.lib.orchestration.quiet_stderr import START, without_statements


def test_only_dagsters_dump_of_a_statement_is_kept_back(capsys: pytest.CaptureFixture[str]) -> None:
    with without_statements():
        sys.stderr.write(f"{START}: [SQL: INSERT INTO event_logs][parameters: PESSOA FICTICIA]\n")
        sys.stderr.write("A warning.\n")
        sys.stderr.flush()
    sys.stderr.write(f"{START}: outside\n")
    assert capsys.readouterr().err == f"A warning.\n{START}: outside\n"
