"""What became of each announced change of a lead, in the words that the inbox keeps."""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.scouter.mapping.field_hashes import is_refused
from sync_pipelines.scouter.reverse.base import Reading
from sync_pipelines.scouter.reverse.claims import in_order
from sync_pipelines.scouter.reverse.inbox import AND
from sync_pipelines.scouter.reverse.lead_merge import GONE, LeadMerge
from sync_pipelines.scouter.reverse.report import Outcome, Result

ECHO, SAME, OLDER = "echo of the last exchange", "nothing differs", "older version"
SUPERSEDED = "superseded by a newer change"
KEPT = "TabuladorMax was changed too and is kept: sync_private.lead_conflicts"
#: Fields of one reason that are named one by one.
FEW = 5
REST = "the other fields were applied"


def results_of(one: LeadMerge, kinds: Mapping[str, str]) -> list[Result]:
    """A result for each change; `kinds` are the types of the columns in TabuladorMax that take a field."""
    if one.refusal is not None:
        outcome: Outcome = "ignored" if one.refusal == GONE else "rejected"
        return [Result(change.id, one.lead_id, outcome, reason=one.refusal) for change in one.changes]
    changes = in_order(one.changes)
    results, is_newest = list[Result](), True
    for change in reversed(changes):
        result = _result(one, change, kinds, is_newest=is_newest)
        is_newest = is_newest and result.outcome == "rejected"
        results.append(result)
    return results[::-1]


def _result(one: LeadMerge, change: Reading, kinds: Mapping[str, str], *, is_newest: bool) -> Result:
    taken = one.taken
    if reasons := _reasons(one, change, kinds):
        text = AND.join([*reasons, *([REST] if taken else [])])
        return Result(change.id, one.lead_id, "rejected", reason=text, fields=len(taken))
    known = change.hashes.items()
    if all(one.base.fields.get(name) == value for name, value in known) and not taken:
        return Result(change.id, one.lead_id, "ignored", reason=ECHO)
    if taken and is_newest:
        return Result(
            change.id, one.lead_id, "updated" if one.here else "created", reason=None, fields=len(taken)
        )
    if taken:
        return Result(change.id, one.lead_id, "ignored", reason=SUPERSEDED)
    if one.merge.conflicts and is_newest:
        return Result(change.id, one.lead_id, "ignored", reason=KEPT)
    after = one.after.hashes if one.after else {}
    if all(after.get(name) == value for name, value in known if name in kinds):
        return Result(change.id, one.lead_id, "same", reason=SAME)
    return Result(change.id, one.lead_id, "ignored", reason=OLDER)


def _reasons(one: LeadMerge, change: Reading, kinds: Mapping[str, str]) -> list[str]:
    """Why fields of the change were refused: by their type, or by TabuladorMax's own rules."""
    reasons = [
        f"{name}: the value is no {kinds.get(name, 'value that we send')}"
        for name, value in change.hashes.items()
        if is_refused(value)
    ]
    if one.failed and len(set(one.failed.values())) == 1 and len(one.failed) > FEW:
        # The table refuses the lead as such.
        return [*reasons, f"lead: {next(iter(one.failed.values())).replace(AND, ', ')}"]
    readings = one.readings
    reasons += [
        # Whoever lets it wait again reads the fields out of the reasons.
        f"{name}: {one.failed[name].replace(AND, ', ')}"
        for name, reading in one.merge.takes
        if name in one.failed and readings[reading].hashes[name] == change.hashes.get(name)
    ]
    return reasons
