"""The mirror of a million rows beside a bare binary COPY into COPY: `python -m benchmarks.mirror`.

`--shape seed` (the default) is the requirement's table of thirteen columns with its six indexes, `--shape dre`
ours of twenty-seven with seven. The bare pipe is `psql` into `psql`, into a table with the same indexes. Every
figure is a process of its own against one embedded Postgres with fsync on. Months are 100.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg

from sync_pipelines.hitss.mirror.table import DRE, MirroredTable
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.postgres.embedded_binaries import installed_binaries

HERE = Path(__file__).resolve().parents[1]
SEED_DRE = MirroredTable(
    "public.dre_hitss",
    content=DRE.seed,
    seed=DRE.seed,
    technical=DRE.technical,
    month="to_date(periodo, 'MM/YYYY')",
    of_month="periodo = to_char({month}::date, 'FMMM/YYYY')",
)
TABLES = {"seed": SEED_DRE, "dre": DRE}
_FILL: LiteralString = """
    insert into public.dre_hitss (execution_id, conta, descricao, valor, tipo, periodo, empresa)
    select 'run-' || number / 10000,
        (array['CLT', 'Subcontratados', 'Outros', 'Receita Devengada', 'Desoneração da Folha'])[1 + number %% 5],
        'Provisão -  fornecedor ' || number %% 671, round((random() * 20000 - 10000)::numeric, 2),
        (array['RECEITA', 'DESPESA'])[1 + number %% 2],
        1 + number * 100 / %(rows)s %% 12 || '/' || 2017 + number * 100 / %(rows)s / 12, 'Empresa Exemplo'
    from generate_series(0, %(rows)s - 1) as number
"""
_FILL_DRE: LiteralString = """
    update public.dre_hitss set competencia = to_date(periodo, 'MM/YYYY'), natureza = 'CUSTO',
        ano = extract(year from to_date(periodo, 'MM/YYYY')), mes = extract(month from to_date(periodo, 'MM/YYYY')),
        valor_exato = valor + 0.001, tipo_comercial = 'InterCompany', cliente = 'Cliente ' || id % 12,
        linha_negocio = 'FABRICA DE DESARROLLO DE SOFTWARE', codigo_projeto = 'ABCDEF' || id % 88,
        projeto = 'ABCDEF' || id % 88 || ' - projeto de exemplo', id_homs = (id % 88)::text,
        filial_faturamento = 'SP', imposto = 5.65, line_hash = md5(id::text)::uuid, occurrence = 1
"""
#: One row in a hundred, all of them in two months.
_CHANGE: LiteralString = (
    "update public.dre_hitss set valor = valor + 1 where periodo in ('1/2020', '2/2020') and id % 2 = 0"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shape", choices=sorted(TABLES), default="seed")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        name, source, destination = given.step
        seconds = STEPS[name](given.shape, source, destination)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak": peak}))
        return
    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder) / "postgres") as server:
        measure(server, given.rows, given.shape)


def measure(server: PostgresServer, rows: int, shape: str) -> None:
    source, destination, floor = (server.create_database(name) for name in ("source", "destination", "floor"))
    for url in (source, destination, floor):
        make(url, shape)
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute(_FILL, {"rows": rows})
        if shape == "dre":
            connection.execute(_FILL_DRE)
        connection.execute("vacuum (full, analyze) public.dre_hitss")
    bare = step("bare", shape, source, destination=floor)
    full = step("mirror", shape, source, destination=destination)
    same = step("mirror", shape, source, destination=destination)
    with psycopg.connect(source, autocommit=True) as connection:
        changed = connection.execute(_CHANGE).rowcount
    part = step("mirror", shape, source, destination=destination)
    print(f"mirror of {rows:,} rows, shape {shape}:")
    for name, found in (("bare pipe", bare), ("full", full), ("no change", same), ("1 % changed", part)):
        print(f"  {name:<12}{found['seconds']:8.2f} s {found['peak']:6.0f} MiB peak")
    print(
        f"  full, proved / bare pipe       {full['seconds'] / bare['seconds']:6.2f}   (at most 2.2 and 2.8)"
    )
    print(f"  full / nothing changed         {full['seconds'] / same['seconds']:6.2f}   (at least 5)")
    print(f"  full / {changed:,} rows of 2 months {full['seconds'] / part['seconds']:6.2f}   (at least 4)")


def make(url: str, shape: str) -> None:
    from sync_pipelines.migrations import runner
    from sync_pipelines.migrations.history import History

    runner.upgrade(History("fabricio"), url)
    if shape == "seed":
        with psycopg.connect(url, autocommit=True) as connection:
            for column in DRE.content[len(DRE.seed) :]:
                connection.execute(f"alter table public.dre_hitss drop column {column.name}")


def step(name: str, shape: str, source: str, destination: str) -> dict[str, float]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.mirror",
        "--shape",
        shape,
        "--step",
        name,
        source,
        destination,
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def bare(shape: str, source: str, destination: str) -> float:
    """Binary COPY out of one psql into another; nothing is compared."""
    psql = installed_binaries() / "psql"
    started = time.perf_counter()
    with subprocess.Popen(
        [psql, "-qc", "copy public.dre_hitss to stdout (format binary)", source], stdout=subprocess.PIPE
    ) as sender:
        subprocess.run(
            [psql, "-qc", "copy public.dre_hitss from stdin (format binary)", destination],
            stdin=sender.stdout,
            check=True,
        )
    return time.perf_counter() - started


def mirror(shape: str, source: str, destination: str) -> float:
    """From the digests of both databases to the proof of the last month."""
    from sync_pipelines.hitss.mirror.extract import Mirror
    from sync_pipelines.hitss.mirror.month_mirror import open_mirror

    started = time.perf_counter()
    with open_mirror(Mirror(source, destination, table=TABLES[shape]), "bench") as months:
        for month in months.databases.differing:
            assert months.copy(month).proof.holds
    return time.perf_counter() - started


STEPS: dict[str, Callable[[str, str, str], float]] = {"bare": bare, "mirror": mirror}

if __name__ == "__main__":
    main()
