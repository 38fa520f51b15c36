"""Run the battery, print the table of what each vendor holds, and with `--write` put it into docs/erp-vendors.md."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from sync_pipelines_tests.erp.vendors.conformance import battery


class _Failures:
    """Collects which checks failed, by vendor."""

    def __init__(self) -> None:
        self.by_vendor: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and "[" in report.nodeid:
            erp_type, _, check = report.nodeid.partition("[")[2].rstrip("]").partition("-")
            self.by_vendor[erp_type].add(check)


def main() -> int:
    """Returns 1 if a check failed."""
    failures = _Failures()
    options = [
        "-q",
        "-n",
        "2",
        "--no-header",
        "--show-capture=no",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]
    code = pytest.main([*options, "-k", "holds_a_property", str(Path(__file__).parent)], plugins=[failures])
    table = battery.table(failures.by_vendor)
    sys.stdout.write(f"\n{table}")
    if "--write" in sys.argv[1:] and code == pytest.ExitCode.OK:
        battery.DOCUMENT.write_text(battery.with_table(battery.DOCUMENT.read_text(), table))
    return int(code != pytest.ExitCode.OK)


if __name__ == "__main__":
    sys.exit(main())
