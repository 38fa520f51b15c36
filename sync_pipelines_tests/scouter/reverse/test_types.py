"""A column there of another type than ours holds more than ours does."""

from __future__ import annotations

import pytest

from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay

#: The type here, there, the value here, and one there that the type here cannot hold.
WIDER = [
    ("real", "double precision", "1.5", "1e-50"),
    ("real", "double precision", "1.5", "1.50000000001"),
    ("real", "text", "1.5", "1e-60"),
    ("double precision", "text", "1.5", "0.12345678901234567"),
    ("timestamptz", "text", "2025-01-05 10:00+00", "9999-12-31 BC"),
    ("date", "text", "2025-01-05", "4800-01-01 BC"),
    ("date", "timestamptz", "2025-01-05", "2025-01-05 15:00+00"),
    ("date", "timestamptz", "2025-01-05", "2025-01-06 15:00+00"),
]


def add_column(two_way: TwoWay, here: str, there: str, *, value: str) -> None:
    made = two_way.installation
    made.tab.execute(f"alter table public.leads add novo {here}".encode())
    made.tab.execute(f"update public.leads set novo = '{value}'".encode())
    made.gestao.execute(f"alter table public.leads add novo {there}; notify pgrst, 'reload schema'".encode())
    made.push.doctor().forget()


def amounts(two_way: TwoWay) -> tuple[str, str]:
    """The column of LEAD on both sides, as text."""
    made, query = two_way.installation, f"select novo::text from public.leads where id = {LEAD}".encode()
    ((here,),), ((there,),) = made.tab.execute(query).fetchall(), made.gestao.execute(query).fetchall()
    return here, there


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize(("here", "there", "value", "edit"), WIDER)
def test_a_value_that_ours_cannot_hold_is_refused_and_costs_no_other(
    two_way: TwoWay, here: str, there: str, value: str, edit: str, is_announced: bool
) -> None:
    made = two_way.installation
    add_column(two_way, here, there, value=value)
    two_way.push()
    first = amounts(two_way)
    two_way.edit_there(announce=is_announced, novo=edit, age=44)
    two_way.edit_there(LEAD + 1, announce=is_announced, etapa="Ligou")
    two_way.edit(name="Ana")
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(name="Ana", age=44)
    assert two_way.both("etapa", LEAD + 1) == ("Ligou", "Ligou")
    assert amounts(two_way) == first
    (reason,) = made.ops.execute("select reason from ops.inbox where status = 'rejected'").fetchall()[0]
    assert "novo" in reason


@pytest.mark.parametrize(
    ("here", "there", "value", "becomes"),
    [
        ("real", "double precision", "1.5", "new.novo + 1e-11"),
        ("date", "timestamptz", "2025-01-05", "new.novo + interval '15 hours'"),
    ],
)
def test_a_proof_does_not_hold_over_what_a_trigger_there_adds(
    two_way: TwoWay, here: str, there: str, value: str, becomes: str
) -> None:
    add_column(two_way, here, there, value=value)
    two_way.installation.gestao.execute(
        "create function up() returns trigger language plpgsql as"
        f" $$ begin new.novo = {becomes}; return new; end $$;"
        " create trigger up before insert or update on leads for each row execute function up()".encode()
    )
    two_way.push()
    assert two_way.installation.failures
