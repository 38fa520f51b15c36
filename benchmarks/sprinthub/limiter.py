"""An hour of calls on a virtual clock, through the real client and the real budget: how much of the rate is used."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from sync_pipelines.sandbox.sprinthub.throttle import Throttle
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.client import SprinthubAccess

RATE, SECONDS = 85, 3_600.0
#: Seconds of a call on its way, and what the CRM itself allows.
LATENCY, ALLOWED = 0.25, RATE
BEGINNING = datetime(2026, 11, 1, 6, tzinfo=UTC)


@dataclass
class VirtualClock:
    """Seconds that pass when all who live by it sleep: then the first who is due goes on."""

    sleepers: int
    now: float = 0.0
    _wakes: list[float] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def moment(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.now)

    def seconds(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._changed:
            due = self.now + seconds
            self._wakes.append(due)
            self._pass_time()
            while self.now < due:
                self._changed.wait()

    def leave(self) -> None:
        """One sleeper less."""
        with self._changed:
            self.sleepers -= 1
            self._pass_time()

    def _pass_time(self) -> None:
        if self._wakes and len(self._wakes) >= self.sleepers:
            self.now = min(self._wakes)
            self._wakes = [due for due in self._wakes if due > self.now]
            self._changed.notify_all()


class Crm(httpx.BaseTransport):
    """The CRM on the virtual clock: it takes `ALLOWED` calls in any 60 seconds, and notes when each arrived."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock, self.throttle = clock, Throttle(ALLOWED, clock.seconds)
        self.arrivals: list[float] = []
        self.throttled = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.clock.sleep(LATENCY / 2)
        self.arrivals.append(self.clock.now)
        is_throttled = self.throttle.wait() > 0
        self.throttled += is_throttled
        self.clock.sleep(LATENCY / 2)
        if is_throttled:
            return httpx.Response(401, json={"msg": "too many requests", "usage": RATE, "limite": RATE})
        return httpx.Response(200, json={"data": {"segment": {"id": 7}}})


def hour(parties: int) -> dict[str, float]:
    """`parties` with a budget and a connection each, as two processes have them, on one token."""
    clock = VirtualClock(parties)
    crm = Crm(clock)
    settings = read_as(
        SprinthubSettings,
        None,
        SPRINTHUB_BASE_URL="http://127.0.0.1:9",
        SPRINTHUB_API_TOKEN="token-of-the-benchmark",
        SPRINTHUB_INSTANCE="exemplo",
        sprinthub_rate_per_minute=RATE,
    )
    access = SprinthubAccess(
        settings,
        {"transport": crm, "sleep": clock.sleep},
        {"clock": clock.moment, "sleep": clock.sleep},
    )

    def party(number: int) -> None:
        try:
            with access.client(f"segment {number}") as client:
                while clock.now < SECONDS:
                    client.segment(7)
        finally:
            clock.leave()

    began = time.perf_counter()
    threads = [threading.Thread(target=party, args=(number,)) for number in range(parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [at for at in crm.arrivals if at < SECONDS]
    return {
        "share": len(made) / (RATE * SECONDS / 60),
        "throttled": crm.throttled,
        "busiest": busiest(made),
        "seconds": time.perf_counter() - began,
    }


def busiest(times: list[float], seconds: float = 60.0) -> int:
    """The most calls in any window of so many seconds."""
    most = start = 0
    for end, at in enumerate(times):
        while times[start] <= at - seconds:
            start += 1
        most = max(most, end - start + 1)
    return most
