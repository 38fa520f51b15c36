"""The sandbox page's command blocks, typed in order into a shell in an empty folder (`.venv` is the checkout's own)."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from sync_pipelines.systems import whole_class

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sandbox.md"
STATUS = "echo STATUS $?"


def blocks() -> list[list[str]]:
    return [
        block.strip().splitlines() for block in re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's faults are switched with curl")
def test_the_sandbox_page_does_what_it_says(folder: Path) -> None:
    (*start, stop), faults, screen = blocks()
    port = free_port()
    called = [line.replace("8000", str(port)) for line in screen]
    script = [
        *start,
        STATUS,
        *(line for one in faults for line in (one, STATUS)),
        called[0],
        f"until (echo > /dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.2; done",
        *called[1:],
        "kill %1",
        stop,
        STATUS,
    ]
    ours = {name.upper() for name in whole_class().model_fields} | {"DAGSTER_HOME"}
    given = {name: value for name, value in os.environ.items() if name not in ours}
    try:
        done = subprocess.run(
            ["bash"],
            input="\n".join(script),
            cwd=folder,
            env={**given, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        subprocess.run(
            [ROOT / ".venv/bin/sync-pipelines", "sandbox", "down"],
            cwd=folder,
            capture_output=True,
            check=False,
        )
    printed = done.stdout + done.stderr
    statuses = re.findall(r"STATUS (\d+)", printed)
    # Started and loaded; a fault switched on, red, switched off, green again; stopped.
    assert statuses == ["0", "0", "1", "0", "0", "0"], printed
    assert printed.count("Everything is proved.") == 2
    assert '"missing_in_gestao_scouter"' in printed
