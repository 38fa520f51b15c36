"""Months, days, connections, segments: the four ways in which data is cut.

A month's key is its first day, `2025-08-01`, as Dagster writes it. The current month is included.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import date

import dagster as dg

from sync_pipelines.settings import SettingsError

# Range runs stand on single-run backfills, which are stable in behaviour and marked beta; checks that know
# their partition are marked preview and do what they say. Every other warning stays one.
warnings.filterwarnings("ignore", message=".*BackfillPolicy")
warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")


def months(first: date, timezone: str) -> dg.MonthlyPartitionsDefinition:
    """Every month from `first` to the current one."""
    return dg.MonthlyPartitionsDefinition(start_date=first.isoformat(), timezone=timezone, end_offset=1)


def days(first: date, timezone: str) -> dg.DailyPartitionsDefinition:
    """Every day from `first` to the current one, as days begin in `timezone`."""
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone=timezone, end_offset=1)


def asked_months(order: Sequence[str], first: str | None, last: str | None) -> list[str] | None:
    """The month keys between two months, or None when no range was given."""
    if first is None and last is None:
        return None
    start, end = first or order[0][:7], last or order[-1][:7]
    asked = [key for key in order if start <= key[:7] <= end]
    if not asked:
        raise SettingsError(
            f"From {start} to {end} there is no month; there are {order[0][:7]} to {order[-1][:7]}."
        )
    return asked
