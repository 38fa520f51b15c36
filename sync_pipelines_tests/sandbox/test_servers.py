"""Listening sockets that stay where they were."""

from __future__ import annotations

import stat
from contextlib import closing
from pathlib import Path

import pytest

from sync_pipelines.sandbox.servers import listen, listen_again


def port_of(kept: Path) -> int:
    with closing(listen_again(kept)) as line:
        return int(line.getsockname()[1])


def test_the_port_of_the_last_time_is_taken_again(tmp_path: Path) -> None:
    kept = tmp_path / "not there yet" / "port"
    first = port_of(kept)
    assert kept.read_text() == str(first)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert [port_of(kept) for _ in range(3)] == [first] * 3


def test_another_port_is_taken_only_while_that_one_is_in_use_and_kept_from_then_on(tmp_path: Path) -> None:
    kept = tmp_path / "port"
    with closing(listen("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        kept.write_text(str(taken))
        other = port_of(kept)
    assert other != taken
    assert port_of(kept) == other


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "65536", "8000.5"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    kept = tmp_path / "port"
    kept.write_text(text)
    assert 0 < port_of(kept) == int(kept.read_text()) < 65536
