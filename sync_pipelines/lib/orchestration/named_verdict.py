"""The verdict of a check that looks at many things: which of them it does not hold for, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

#: A sentence names so many; more than that nobody reads.
NAMED = 20


def named_verdict(
    found: Mapping[str, str],
    holds: str,
    *,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetCheckResult:
    """Passed if nothing was found, which `holds` says; `found` has sentences by name: the first are said."""
    named = "; ".join(f"{name}: {sentence}" for name, sentence in list(found.items())[:NAMED])
    more = f" (and {len(found) - NAMED} more)" if len(found) > NAMED else ""
    return dg.AssetCheckResult(
        passed=not found,
        description=f"{named}{more}." if found else holds,
        severity=severity,
        metadata=metadata or {},
    )
