"""Rejects that are too many to be the leads' own fault: a CRM that is down may answer 404 or an empty body to all.

A few leads that the list names and nobody knows are rejects, and the run is a success without them. Where most of a
segment is rejected, a run that reported success would say that an outage, or a table that takes nothing, is in order.
"""

from __future__ import annotations

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.plausibility import is_mass_loss
from sync_pipelines.sprinthub.outcome import SegmentOutcome

#: What a person accepts where so many leads cannot be used.
MASS_REJECTION = "mass_rejection"


def refuse_mass_rejection(outcome: SegmentOutcome) -> None:
    """Raises TransientError if far too many leads of the run were rejected; what was loaded stays."""
    rejected, leads = outcome.rejected, outcome.leads
    if is_mass_loss(rejected, leads):
        raise TransientError(
            f"{rejected} of {leads} leads of segment {outcome.segment_id} were rejected; ops.rejects says why. So many"
            f" look like an outage, and not like leads that cannot be used. If they are, accept {MASS_REJECTION}."
        )
