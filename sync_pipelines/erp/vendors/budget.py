"""The calls of one account of a vendor: they wait for its limits, and its blocks and errors are remembered.

The state is in the ops database, so that runs, systems and machines share it (`lib.http.budget`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import datetime
from threading import Lock

from sync_pipelines.erp.vendors.limits import Limits, Per
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.budget import Budget, Window
from sync_pipelines.lib.http.budget_ledger import BudgetLedger


class VendorBudget:
    """Threads may share it. `account` is a digest, `party` who calls: the key of a connection.

    `clock` (aware; by default the database's) and `sleep` are for a virtual time.
    """

    def __init__(
        self,
        ops_url: str,
        limits: Limits,
        *,
        account: str,
        party: str,
        name: str,
        patience: float,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._ops_url, self._account, self._party = ops_url, account, party
        self._name, self._patience, self._clock, self._sleep = name, patience, clock, sleep
        self._ledger, self._turn, self._counting = BudgetLedger(ops_url), Lock(), Lock()
        #: May be replaced by those of the account's plan, once they are known.
        self.limits = limits
        #: Calls that were granted, and the seconds that were waited for the limits.
        self.calls = 0
        self.waited = 0.0

    def wait(self, method: str, request: str, *, tries: int = 0, unseen: int = 0) -> None:
        """Wait until a call may be made, which is to be made at once.

        `tries` is how often this process just made it, `unseen` how many of those the vendor does not know of. Raises
        ThrottledError if the calls are blocked for longer than the patience lasts.
        """
        limits = self.limits
        windows = limits.windows(self._account, method, request, unseen=unseen)
        if tries > unseen:
            # Not in the turn: the other threads need not wait until this request is no repetition any more.
            kinds = zip(windows, limits.calls, strict=True)
            if same := [window for window, limit in kinds if limit.per is Per.REQUEST]:
                self._nap(self._budget(same).estimate(1))
        with self._turn:
            waited = self._budget(windows).wait()
        with self._counting:
            self.calls += 1
            self.waited += waited

    def block_account(self, seconds: float) -> None:
        """Let nobody call the account for so long, in whatever process."""
        self._budget([self.limits.block(self._account)]).block(seconds)

    def block_method(self, method: str, seconds: float) -> None:
        """Let nobody call this method of the account for so long."""
        self._budget([self.limits.block(self._account, method)]).block(seconds)

    def failed(self, method: str) -> float:
        """Record an error of a method; the seconds for which it is left alone now, 0 if it may be called.

        It is left alone before the error at which the vendor would block it; calls that are under way may fail too.
        """
        limit = self.limits.errors
        if limit is None:
            return 0.0
        allowed = max(limit.errors - self.limits.at_once(method), 1)
        # A party of its own: by another one's share the room that is left would seem smaller.
        party = f"{self._party}:errors"
        self._budget([self.limits.error_window(self._account, method, limit.errors)], party=party).ask()
        room = self._budget([self.limits.error_window(self._account, method, allowed)], party=party)
        left_alone = room.estimate(1)
        if left_alone > 0:
            self.block_method(method, left_alone)
        return left_alone

    def close(self) -> None:
        """Leave the others alone."""
        for party in (self._party, f"{self._party}:errors"):
            with contextlib.suppress(SyncError):  # the others find out by themselves, only later
                self._ledger.leave(party)
        self._ledger.close()

    def _budget(self, windows: list[Window], party: str | None = None) -> Budget:
        return Budget(
            self._ops_url,
            windows,
            party=party or self._party,
            name=self._name,
            patience=self._patience,
            clock=self._clock,
            sleep=self._sleep,
            ledger=self._ledger,
        )

    def _nap(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)
            with self._counting:
                self.waited += seconds
