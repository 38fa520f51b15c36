"""What the process of every fake ERP is started with."""

from __future__ import annotations

import argparse
from pathlib import Path

from sync_pipelines.sandbox.erp.demo import A_MONTH


def arguments(vendor: str, *, unlimited: str = "without the vendor's limits") -> argparse.ArgumentParser:
    """Where its files are, how large the demo's accounts are, and how fast it answers."""
    parser = argparse.ArgumentParser(description=f"The sandbox's {vendor}.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--invoices", type=int, default=A_MONTH, help="invoices a month of a company, about")
    parser.add_argument("--unlimited", action="store_true", help=unlimited)
    parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a call takes on its way")
    return parser
