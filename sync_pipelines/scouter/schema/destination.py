"""What the destination says of its table of leads: its OpenAPI document, and what a write would be refused for.

The document tells types, the write-free probe tells the truth: it goes by the cache that writes go by, needs the
right to insert, and finds whether `id` is a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.postgrest import PostgrestClient, Problem
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.schema.tables import DESTINATION, DestinationColumn, Verdict, parse_openapi

TABLE = "leads"
KEY_SETTING = "GESTAO_SCOUTER_URL and GESTAO_SCOUTER_SERVICE_KEY"
_HIDDEN = (401, 403, 404, 406)
_NO_TABLE = {"PGRST205", "42P01"}


@dataclass(frozen=True)
class Described:
    """The columns that the document shows; None where there is no document, with a sentence that says so."""

    columns: Mapping[str, DestinationColumn] | None
    note: str = ""


@dataclass(frozen=True)
class Probed:
    """What a write of these columns would meet: columns that the cache lacks, and what else refuses it."""

    unknown: tuple[str, ...] = ()
    problem: Problem | None = None


def describe(client: PostgrestClient) -> Described:
    """Read the OpenAPI document. SyncError where the server is not there or answers something else."""
    answer = client.request("GET", "/", headers={"Accept": "application/openapi+json"})
    problem = client.problem(answer)
    if problem is None:
        columns = parse_openapi(answer.json(), TABLE)
        return Described({} if columns is None else columns)
    if problem.status in _HIDDEN and problem.kind != "transient":
        return Described(
            None,
            f"The OpenAPI document of {DESTINATION} is not to be had ({problem}): only the names of the columns could"
            " be looked at, by a probe, and not their types.",
        )
    raise problem.error(DESTINATION, setting=KEY_SETTING)


def probe(client: PostgrestClient, columns: Sequence[str]) -> Probed:
    """Ask what a write would be refused for, again without each column that is named: an answer names but one.

    SyncError where the server is not there or does not know our key.
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
    """What the probe found; a column that the document does not show has its verdict by the document."""
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


def require_columns(client: PostgrestClient, mapping: FieldMapping) -> None:
    """PermanentError naming every column that writes do not find."""
    probed = probe(client, mapping.columns)
    if told := [verdict.sentence for verdict in probe_verdicts(probed, None)]:
        raise PermanentError(" ".join(told))


def _rule(problem: Problem) -> str:
    if problem.code == "42P10":
        return "key"
    if problem.code == "42703":
        return "stale_cache"
    return "table" if _is_no_table(problem) else "refused"


def _is_no_table(problem: Problem) -> bool:
    # Servers before version 13 say nothing but 404 of a table that their cache has not.
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
