"""The benchmarks of the ERP sync: `python -m benchmarks.erp [--only PART]`.

| part | what it measures |
|---|---|
| `parse` | reading NF-e documents of 20 items, beside a bare pass of lxml and beside bindings |
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks.erp import parse

PARTS: dict[str, Callable[[int], None]] = {"parse": parse.measure}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, help="a part of it")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    for name, measure in PARTS.items():
        if given.only in (None, name):
            measure(given.rounds)


if __name__ == "__main__":
    main()
