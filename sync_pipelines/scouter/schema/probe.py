"""What a write to the destination would be rejected for, found without writing a row.

The probe sees what a write sees: the schema cache, the right to insert, and whether `id` is a key. The OpenAPI
document shows the types only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_pipelines.lib.http.postgrest import PostgrestClient, Problem
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.schema.columns import DESTINATION, KEY_SETTING, TABLE, DestinationColumn
from sync_pipelines.scouter.schema.verdicts import Verdict

_NO_TABLE = {"PGRST205", "42P01"}


@dataclass(frozen=True)
class Probed:
    """What a write of these columns would be rejected for: columns missing in the cache, or another problem."""

    unknown: tuple[str, ...] = ()
    problem: Problem | None = None


def probe(client: PostgrestClient, columns: Sequence[str]) -> Probed:
    """Probe a write, again without each unknown column: an answer names only one of them.

    Raises SyncError if the server does not answer or does not accept our key.
    """
    left, unknown = list(columns), list[str]()
    while left:
        problem = client.probe(TABLE, left, on_conflict=KEY)
        if problem is None:
            return Probed(tuple(unknown))
        if problem.column in left:
            unknown.append(problem.column)
            left.remove(problem.column)
            continue
        if problem.kind == "transient" or (problem.status == 401 and problem.code != "42501"):
            raise problem.error(DESTINATION, setting=KEY_SETTING)
        return Probed(tuple(unknown), problem)
    return Probed(tuple(unknown))


def probe_verdicts(probed: Probed, shown: Mapping[str, DestinationColumn] | None) -> list[Verdict]:
    """The verdicts of the probe. A column that the document (`shown`) lacks is left to the document's own verdict."""
    verdicts = []
    for name in probed.unknown:
        if shown is None:
            sentence = f"{DESTINATION} has no column {name} that a write could use (PGRST204)."
            verdicts.append(Verdict(field=name, level="error", rule="destination_missing", sentence=sentence))
        elif name in shown:
            sentence = (
                f"{DESTINATION} shows column {name}, and a write does not find it (PGRST204): reload its schema"
                " cache."
            )
            verdicts.append(Verdict(field=name, level="error", rule="not_in_cache", sentence=sentence))
    if problem := probed.problem:
        verdicts.append(Verdict(field="*", level="error", rule=_rule(problem), sentence=_sentence(problem)))
    return verdicts


def _rule(problem: Problem) -> str:
    if problem.code == "42P10":
        return "key"
    if problem.code == "42703":
        return "stale_cache"
    return "table" if _is_no_table(problem) else "refused"


def _is_no_table(problem: Problem) -> bool:
    # Servers before version 13 answer a bare 404 for a table that their cache lacks.
    return problem.code in _NO_TABLE or (problem.status == 404 and problem.code is None)


def _sentence(problem: Problem) -> str:
    if problem.code == "42P10":
        return f"{DESTINATION}: {KEY} is no unique key of {TABLE}, so nothing can be merged on it (42P10)."
    if problem.code == "42703":
        return (
            f"{DESTINATION}: its schema cache still has a column that {TABLE} has lost (42703): reload the cache, and"
            " validate again to see which."
        )
    if _is_no_table(problem):
        return (
            f"{DESTINATION} has no table {TABLE}, or its schema cache does not know it yet, or GESTAO_SCOUTER_URL is"
            f" not the address of its REST service ({problem})."
        )
    if problem.code == "42501":
        return (
            f"{DESTINATION}: our key may not write into {TABLE} (42501). It has to be the service role's, and that role"
            " needs select, insert and update on the table."
        )
    return f"{DESTINATION} refuses to write into {TABLE}: {problem}."
