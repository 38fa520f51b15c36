"""The requirement's alerts (section 7.3): what the view `monitor_health` of a project counts."""

from __future__ import annotations

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError


def count_unhealthy(url: str, what: str, rule: str) -> int:
    """The executions that break a rule such as `FAILED_EXECUTIONS`; `what` names the database in errors.

    Raises PermanentError if the view has no row for the rule: it has one also where the count is zero, so somebody
    altered it. A missing row is not a zero.
    """
    with postgres.connect(url, what=what, read_only=True) as connection, postgres.errors_about(what):
        row = connection.execute(
            "select count from public.monitor_health where type = %s", (rule,)
        ).fetchone()
    if row is None or row[0] is None:
        raise PermanentError(
            f"{what}: the view public.monitor_health has no row {rule}, so somebody altered it: drop it, then"
            " `sync-pipelines migrate` makes it anew"
        )
    return int(row[0])
