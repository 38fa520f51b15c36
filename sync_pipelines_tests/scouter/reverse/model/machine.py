"""The rules: what people do, what the network does, what the workers do, and what befalls them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from sync_pipelines_tests.scouter.reverse.model.fields import ONE_WAY, TWO_WAY, Kind, Side
from sync_pipelines_tests.scouter.reverse.model.incidents import Act, Incident, Point
from sync_pipelines_tests.scouter.reverse.model.people import Change, Dated
from sync_pipelines_tests.scouter.reverse.model.world import World

NAMES = ["name", "name", *(field.tab for field in TWO_WAY)]
KINDS: list[Kind] = ["new", "new", "new", "null", "empty", "back", "invalid"]
DATES: list[Dated] = ["now", "kept", "kept", "future", "infinity", "back", "empty"]
MEANWHILE: list[Dated] = ["now", "kept", "future", "infinity"]
POINTS: list[Point] = ["request", "answer", "probe", "statement here", "statement in ops"]
ACTS: list[Act] = ["kill", "connection", "edit here", "edit there", "edit there", "webhooks"]
NUMBERS = st.integers(0, 9)
WORK = ["push", "push", "push of all", "push of some fields", "drain", "drain", "collection", "replay"]
#: Enough for edits to be concurrent; and a rest after nothing shows nothing.
MOST_MADE, LEAST_EDITS = 4, 4
SOME_FIELDS = {"id": "id", "nome": "name", "etapa": "etapa", "updated_at": "updated_at"}
DELIVERIES = ["one", "one, and later again", "all", "all, the last first", "an old one", "none"]
#: Mostly the same, so that edits meet.
LEADS = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 6])
SIDES: st.SearchStrategy[Side] = st.sampled_from(["here", "there"])
CHANGES = st.lists(
    st.builds(
        Change,
        # Only this one and the projects can be invalid.
        st.sampled_from([*NAMES, ONE_WAY.tab, "ficha_confirmada"]),
        st.sampled_from(KINDS),
    ),
    min_size=1,
    max_size=3,
)
INCIDENTS = st.one_of(
    st.none(),
    st.builds(
        Incident,
        point=st.sampled_from(POINTS),
        number=st.integers(1, 6),
        act=st.sampled_from(ACTS),
        lead=LEADS,
        changes=CHANGES.map(tuple),
        dated=st.sampled_from(MEANWHILE),
    ),
)


class TwoWaySync(RuleBasedStateMachine):
    """`world` is of the subclass that a test makes: databases are dear, and each example empties them."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        # Counted here, not in the databases: which rules may run must not depend on what a kill happens to hit.
        self.made, self.deleted, self.edited = 0, 0, 0
        self.world.begin()

    @rule(side=SIDES, lead=LEADS, done=CHANGES, dated=st.sampled_from(DATES))
    def a_person_edits(self, side: Side, lead: int, done: list[Change], dated: Dated) -> None:
        self.edited += 1
        self.world.edit(side, lead, done, dated=dated)

    @rule(first=SIDES, lead=LEADS, name=st.sampled_from(NAMES), dated=st.sampled_from(DATES))
    def a_person_edits_on_each_side(self, first: Side, lead: int, name: str, dated: Dated) -> None:
        self.edited += 2
        sides: list[Side] = ["here", "there"]
        for side in sides if first == "here" else reversed(sides):
            self.world.edit(side, lead, [Change(name, "new")], dated=dated)

    @precondition(lambda self: self.made - self.deleted < MOST_MADE)
    @rule(side=SIDES)
    def a_person_makes_a_lead(self, side: Side) -> None:
        self.made += 1
        self.world.people.make(side)

    @precondition(lambda self: self.deleted < self.made)
    @rule(side=SIDES, lead=LEADS)
    def a_person_deletes(self, side: Side, lead: int) -> None:
        self.deleted += 1
        self.world.delete(side, lead)

    @rule(which=NUMBERS)
    def a_person_wants_the_other_value(self, which: int) -> None:
        self.world.choose(which)

    @precondition(lambda self: not self.world.uses_outbox)
    @rule(how=st.sampled_from(DELIVERIES), which=NUMBERS)
    def webhooks_arrive(self, how: str, which: int) -> None:
        webhooks = self.world.webhooks
        if how.startswith("all"):
            webhooks.deliver_all(backwards=how != "all")
        elif how == "an old one":
            webhooks.deliver_again(which)
        elif how == "none":
            webhooks.lose(which)
        else:
            webhooks.deliver(which, keep=how != "one")

    @rule(work=st.sampled_from(WORK), hours=st.sampled_from([0, 0, 0, -1, 1]), incident=INCIDENTS)
    def work_is_done(self, work: str, hours: int, incident: Incident | None) -> None:
        world = self.world
        done: dict[str, Callable[[], str]] = {
            "push": partial(world.push, compare=False),
            "push of all": partial(world.push, compare=True),
            "push of some fields": partial(world.push, mapping=SOME_FIELDS),
            "drain": world.drain,
            "replay": world.replay,
            "collection": world.collect if world.uses_outbox else world.drain,
        }
        world.set_clock(timedelta(hours=hours))
        world.attempt(done[work], incident)

    @precondition(lambda self: self.edited >= LEAST_EDITS)
    @rule()
    def the_world_comes_to_rest(self) -> None:
        self.edited = 0
        self.world.rest()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.world.rest()
        finally:
            self.world.report()
