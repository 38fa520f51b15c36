"""The benchmarks of the ERP sync: `python -m benchmarks.erp [--only PART]`.

| part | what it measures |
|---|---|
| `parse` | reading NF-e documents of 20 items, beside a bare pass of lxml and beside bindings |
| `calls` | the calls of a sync in which nothing has changed, by vendor |
| `limiter` | how much of the calls that a vendor allows is used, on a virtual clock |
| `memory` | the peak of one sync of 10,000 invoices (`--notes`) |
| `nightly` | processor and memory of 20 connections (`--connections`) that are due at once |
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks.erp import calls, limiter, memory, nightly, parse

PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "parse": lambda given: parse.measure(given.rounds),
    "calls": lambda _given: calls.measure(),
    "limiter": lambda _given: limiter.measure(),
    "memory": lambda given: memory.measure(given.notes),
    "nightly": lambda given: nightly.measure(given.connections),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, help="a part of it")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--notes", type=int, default=10_000, help="invoices of the sync whose memory is looked at"
    )
    parser.add_argument("--connections", type=int, default=20, help="how many are due at once")
    given = parser.parse_args()
    for name, measure in PARTS.items():
        if given.only in (None, name):
            measure(given)


if __name__ == "__main__":
    main()
