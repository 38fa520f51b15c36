"""The summary that the requirement's function returned: processed, succeeded, failed and why; and how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_pipelines.erp.outcome import SyncOutcome

#: The requirement's window: 00:01 to 00:30 UTC.
LONGEST_MINUTES = 30


def night_sentences(
    outcomes: Sequence[SyncOutcome], wanted: int, minutes: float | None = None
) -> Iterator[str]:
    """What a person reads at the end of the connections of a night; `wanted` were due."""
    failed = [one for one in outcomes if one.failed]
    unended = wanted - len(outcomes)
    yield (f"{wanted} connections: {len(outcomes) - len(failed)} succeeded, {len(failed) + unended} failed.")
    if minutes is not None and minutes > LONGEST_MINUTES:
        yield f"They took {minutes:.0f} minutes, more than the {LONGEST_MINUTES} of the window."
