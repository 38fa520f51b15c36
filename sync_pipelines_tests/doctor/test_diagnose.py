"""The doctor before real sockets: each thing that can be wrong is made wrong, and told with its cure."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import trustme

from sync_pipelines.doctor import diagnose, machine, roles
from sync_pipelines.doctor import landing as landing_checks
from sync_pipelines.doctor.roles import Facts
from sync_pipelines.lib import network
from sync_pipelines.lib.findings import Finding, Inquiry
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.hitss.fake import HitssFake
from sync_pipelines.systems import read_settings

NewDatabase = Callable[[str | None], str]
QUERY = "usuarioFiltro=joana.prado&filtroDeFiltro={inicio}&filtroAteFiltro={fim}"
GOOD = Facts(
    version=17,
    standby=False,
    read_only=False,
    api_role=False,
    sees_all=True,
    makes_tables=True,
    makes_private=True,
    makes_temporary=True,
    not_owned=(),
    skew=0.3,
)


@pytest.fixture
def landing(tmp_path: Path) -> str:
    (tmp_path / "landing").mkdir(mode=0o700)
    return str(tmp_path / "landing")


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def refused() -> Callable[[str], list[str]]:
    """What is wrong with a database when only one is configured, as Dagster's own."""

    def look(url: str) -> list[str]:
        findings = diagnose(read_settings(None, dagster_pg_url=url))
        return [each.sentence for each in findings if not each.ok and each.sentence.startswith("DAGSTER")]

    return look


def problems(findings: list[Finding], setting: str) -> list[str]:
    return [
        finding.sentence.removeprefix(f"{setting}: ")
        for finding in findings
        if not finding.ok and finding.sentence.startswith(setting)
    ]


def test_all_is_well_with_a_migrated_house(new_database: NewDatabase, landing: str, hitss: HitssFake) -> None:
    settings = read_settings(
        None,
        landing_url=landing,
        ops_database_url=new_database("ops"),
        fabricio_database_url=new_database("fabricio"),
        dagster_pg_url=new_database(None),
        hitss_download_url=hitss.download_url,
    )

    findings = diagnose(settings, Inquiry(probes_exports=True))

    assert [finding.sentence for finding in findings if not finding.ok] == []
    told = " | ".join(finding.sentence for finding in findings)
    for name in ("OPS_DATABASE_URL", "DAGSTER_PG_URL", "FABRICIO_DATABASE_URL", "HITSS_DOWNLOAD_URL"):
        assert name in told
    assert "came as a workbook" in told


def test_what_is_not_set_is_absent() -> None:
    told = {finding.sentence: finding.ok for finding in diagnose(read_settings(None))}

    assert told["FABRICIO_DATABASE_URL is not set: the system hitss is absent"]
    assert told["AIMINDSET_DATABASE_URL is not set: the system aimindset is absent"]
    assert told["DAGSTER_PG_URL is not set: Dagster keeps its runs in files"]
    assert told["HITSS_DOWNLOAD_URL: it is not set"]
    assert any(name.startswith("OPS_DATABASE_URL is not set: no system can run") for name in told)
    production = diagnose(read_settings(None, sync_env="production"))
    assert problems(production, "DAGSTER_PG_URL") != []


def test_a_log_of_backups_that_may_be_widened_is_looked_at_only_where_the_owner_said_so(
    new_database: NewDatabase,
) -> None:
    url = new_database(None)
    with psycopg.connect(url) as connection:
        connection.execute(
            "create table backup_logs (action_type varchar(20) check (action_type in ('backup', 'restore')))"
        )

    def told(*, widen: bool) -> list[str]:
        settings = read_settings(
            None,
            ops_database_url=new_database("ops"),
            aimindset_database_url=url,
            aimindset_widen_backup_logs=widen,
        )
        return problems(diagnose(settings), "AIMINDSET_DATABASE_URL")

    assert told(widen=False) == []
    [steps] = told(widen=True)
    assert "let the checks of public.backup_logs.action_type allow auto_backup" in steps


def test_a_closed_port_is_told_and_the_others_are_still_looked_at(
    new_database: NewDatabase, closed_port: int
) -> None:
    settings = read_settings(
        None,
        ops_database_url=f"postgresql://ze:segredo77@localhost:{closed_port}/ops",
        fabricio_database_url=new_database("fabricio"),
    )

    findings = diagnose(settings)

    assert problems(findings, "OPS_DATABASE_URL") == [
        f"localhost refuses connections on port {closed_port}: check the port, and that the server runs"
    ]
    assert problems(findings, "FABRICIO_DATABASE_URL") == []
    [missing] = problems(findings, "HITSS_DOWNLOAD_URL")
    assert missing.startswith("it is not set, and hitss cannot load without it")


def test_a_wrong_password_user_and_database_are_told_apart(
    postgres_server: PostgresServer, refused: Callable[[str], list[str]]
) -> None:
    parts = urlsplit(postgres_server.url())
    assert parts.password

    [wrong] = refused(postgres_server.url().replace(parts.password, "errada99"))
    assert "the user or the password is wrong" in wrong
    [wrong] = refused(postgres_server.url().replace("//postgres:", "//ninguem:"))
    assert "the user or the password is wrong" in wrong
    [wrong] = refused(postgres_server.url("inexistente"))
    assert "no database of this name" in wrong


@pytest.mark.parametrize("password", ["se/gredo", "12/segredo", "se@gre@do"])
def test_a_password_that_breaks_its_url_is_told_without_a_piece_of_it(
    password: str, refused: Callable[[str], list[str]]
) -> None:
    wrong = refused(f"postgresql://joana:{password}@db.invalid:5432/postgres")

    assert len(wrong) == 1
    assert "encode special characters" in wrong[0]
    assert "gre" not in wrong[0]
    assert "joana" not in wrong[0]


def test_a_host_with_only_ipv6_is_sent_to_the_session_pooler(closed_port: int) -> None:
    url = f"postgresql://postgres:segredo77@db.abcdefghijklmnop.supabase.co:{closed_port}/postgres"

    findings = diagnose(read_settings(None, dagster_pg_url=url), Inquiry(resolve=lambda host, port: ["::1"]))

    [wrong] = problems(findings, "DAGSTER_PG_URL")
    assert "has only IPv6 addresses" in wrong
    assert "session pooler, port 5432" in wrong


def test_an_unknown_host_and_one_known_by_another_name() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    url = "postgresql://postgres:segredo77@bancoo.example/postgres"
    [wrong] = problems(
        diagnose(read_settings(None, dagster_pg_url=url), Inquiry(resolve=unknown)), "DAGSTER_PG_URL"
    )
    assert wrong == "the host name bancoo.example is not known: check its spelling"


def test_a_name_is_resolved_once_for_every_connection(
    new_database: NewDatabase,
) -> None:
    url = new_database("fabricio").replace("127.0.0.1", "banco.example")
    settings = read_settings(None, ops_database_url=url, fabricio_database_url=url)

    findings = diagnose(settings, Inquiry(resolve=lambda host, port: ["127.0.0.1"]))

    assert problems(findings, "FABRICIO_DATABASE_URL") == []


def test_the_port_of_transactions_is_named_before_anything_else() -> None:
    settings = read_settings(None, dagster_pg_url="postgresql://postgres:segredo77@127.0.0.1:6543/postgres")

    wrong = problems(diagnose(settings), "DAGSTER_PG_URL")

    assert wrong[0].startswith("port 6543 is the transaction mode of the pooler: use session mode, port 5432")


class TransactionPooler:
    """One server session lent to whichever client begins a transaction, as PgBouncer does by default."""

    def __init__(self, url: str) -> None:
        self._backend = psycopg.connect(url, sslmode="disable", autocommit=True)
        self._server = socket.socket(fileno=os.dup(self._backend.fileno()))
        self._server.setblocking(True)
        self._free = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.port = int(self._listener.getsockname()[1])

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        self._server.close()
        self._backend.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(EOFError, OSError):
            while self._exactly(client, self._length(client))[:4] in (
                b"\x04\xd2\x16\x2f",
                b"\x04\xd2\x16\x30",
            ):
                client.sendall(b"N")  # neither TLS nor GSS
            greeting = self._message(b"R", struct.pack("!i", 0))
            for name, value in ((b"server_version", b"17.0"), (b"client_encoding", b"UTF8")):
                greeting += self._message(b"S", name + b"\0" + value + b"\0")
            greeting += self._message(b"K", struct.pack("!ii", 7, 7)) + self._message(b"Z", b"I")
            client.sendall(greeting)
            while self._transaction(client):
                pass

    def _transaction(self, client: socket.socket) -> bool:
        kind = self._exactly(client, 1)
        with self._free:
            while kind != b"X":
                self._server.sendall(self._message(kind, self._exactly(client, self._length(client))))
                if kind in b"QS":
                    answer, status = b"", b""
                    while answer != b"Z":
                        answer = self._exactly(self._server, 1)
                        status = self._exactly(self._server, self._length(self._server))
                        client.sendall(self._message(answer, status))
                    if status == b"I":
                        return True
                kind = self._exactly(client, 1)
        return False

    def _length(self, line: socket.socket) -> int:
        return int(struct.unpack("!i", self._exactly(line, 4))[0]) - 4

    @staticmethod
    def _message(kind: bytes, body: bytes) -> bytes:
        return kind + struct.pack("!i", len(body) + 4) + body

    @staticmethod
    def _exactly(line: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = line.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data


def test_a_pooler_by_transactions_is_known_by_what_it_does(new_database: NewDatabase) -> None:
    url = new_database("fabricio")
    pooler = TransactionPooler(url)
    try:
        pooled = url.replace(f":{urlsplit(url).port}/", f":{pooler.port}/")
        findings = diagnose(read_settings(None, dagster_pg_url=pooled))
    finally:
        pooler.close()

    [wrong] = problems(findings, "DAGSTER_PG_URL")
    assert wrong.startswith("a pooler in transaction mode answers: use session mode, port 5432")


@pytest.fixture
def reader(postgres_server: PostgresServer) -> Iterator[Callable[[str], str]]:
    """A role that may read a database and do nothing else; gives the URL as that role."""
    name = "leitora_do_financeiro"
    made: list[str] = []

    def url(of: str) -> str:
        made.append(of)
        with psycopg.connect(of, autocommit=True) as connection:
            connection.execute(
                f"create role {name} login password 'segredo77';"
                f" grant usage on schema public, sync_private to {name};"
                f" grant select on all tables in schema public, sync_private to {name};"
                f" revoke temporary on database {urlsplit(of).path[1:]} from public".encode()
            )
        parts = urlsplit(of)
        return of.replace(parts.netloc, f"{name}:segredo77@{parts.hostname}:{parts.port}")

    yield url
    for of in made:
        with psycopg.connect(of, autocommit=True) as connection:
            connection.execute(f"drop owned by {name}; drop role {name}".encode())


def test_a_role_that_only_reads_is_not_enough(
    new_database: NewDatabase, reader: Callable[[str], str]
) -> None:
    url = reader(new_database("fabricio"))
    settings = read_settings(None, ops_database_url=new_database("ops"), fabricio_database_url=url)

    findings = diagnose(settings)

    wrong = problems(findings, "FABRICIO_DATABASE_URL")
    assert any(
        "may not make tables in the schema public, nor the schema sync_private and its tables, nor temporary"
        in sentence
        for sentence in wrong
    )
    assert any(
        "neither owns public.automation_executions, public.dre_hitss" in sentence
        and "row level security, which would hide rows" in sentence
        for sentence in wrong
    )
    told = " ".join(finding.sentence for finding in findings)
    assert "leitora" not in told
    assert "segredo77" not in told


def test_a_refusal_that_nobody_foresaw_is_told_without_the_user(
    new_database: NewDatabase, reader: Callable[[str], str], refused: Callable[[str], list[str]]
) -> None:
    owner = new_database("fabricio")
    url = reader(owner)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("alter role leitora_do_financeiro nologin")

    [wrong] = refused(url)

    assert 'role "***" is not permitted to log in' in wrong


def test_what_a_migration_has_to_do_is_named(new_database: NewDatabase) -> None:
    ops, fabricio = new_database(None), new_database("fabricio")
    with psycopg.connect(fabricio, autocommit=True) as connection:
        connection.execute(
            "alter table dre_hitss drop projeto; insert into dre_hitss (execution_id) values ('x')"
        )

    findings = diagnose(read_settings(None, ops_database_url=ops, fabricio_database_url=fabricio))

    [wrong] = problems(findings, "OPS_DATABASE_URL")
    assert "steps of migration are to be done (create schema ops; create table ops.landed_files; " in wrong
    assert wrong.endswith("run `sync-pipelines migrate`")
    wrong, foreign = problems(findings, "FABRICIO_DATABASE_URL")
    assert "(add column public.dre_hitss.projeto text): run `sync-pipelines migrate`" in wrong
    assert "no_foreign_rows" in foreign


def test_a_table_of_another_shape_is_refused_by_name(new_database: NewDatabase) -> None:
    fabricio = new_database(None)
    with psycopg.connect(fabricio, autocommit=True) as connection:
        connection.execute("create table dre_hitss (id serial, upload_batch_id uuid)")

    findings = diagnose(
        read_settings(None, ops_database_url=new_database("ops"), fabricio_database_url=fabricio)
    )

    [wrong] = problems(findings, "FABRICIO_DATABASE_URL")
    assert "shape B" in wrong


def test_clocks_that_differ_are_told(new_database: NewDatabase) -> None:
    settings = read_settings(None, dagster_pg_url=new_database(None))

    findings = diagnose(settings, Inquiry(now=lambda: datetime.now(UTC) + timedelta(seconds=300)))

    [wrong] = problems(findings, "DAGSTER_PG_URL")
    assert re.match(r"its clock and this machine's differ by (299|300|301) s: let both keep time", wrong)


@pytest.mark.parametrize(
    ("facts", "encrypted", "sentence"),
    [
        (GOOD._replace(version=14), None, "Postgres 14 is too old: at least 15"),
        (GOOD._replace(standby=True), None, "read-only copy"),
        (GOOD._replace(read_only=True), None, "set to read only"),
        (GOOD._replace(api_role=True), None, "is one of the API"),
        (GOOD._replace(skew=-61.0), None, "differ by 61 s"),
        (GOOD._replace(not_owned=("public.dre_hitss",)), None, "does not own public.dre_hitss"),
        (GOOD._replace(makes_private=False), True, "may not make the schema ops and its tables"),
        (GOOD, False, "not encrypted: add sslmode=require"),
    ],
)
def test_facts_that_no_server_here_can_show(facts: Facts, encrypted: bool | None, sentence: str) -> None:
    wrong = [
        finding.sentence
        for finding in roles.judge(facts, public=True, private="ops", encrypted=encrypted)
        if not finding.ok
    ]

    assert len(wrong) == 1
    assert sentence in wrong[0]


def test_good_facts_are_good() -> None:
    assert all(finding.ok for finding in roles.judge(GOOD, public=True, private="ops", encrypted=True))


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("/run/postgresql", True),
        ("localhost", True),
        ("10.0.0.7", False),
        ("2001:db8::1", False),
        ("banco.example", False),
    ],
)
def test_what_is_on_this_machine(address: str, local: bool) -> None:
    assert network.is_local(address) == local


def test_a_socket_in_a_folder_is_a_way_in(
    postgres_server: PostgresServer, refused: Callable[[str], list[str]]
) -> None:
    assert refused(postgres_server.socket_url("postgres")) == []


def test_the_landing_folder(tmp_path: Path) -> None:
    def wrong(root: Path, **limits: int) -> list[str]:
        return [finding.sentence for finding in landing_checks.folder(root, **limits) if not finding.ok]

    private, opened, file = tmp_path / "private", tmp_path / "open", tmp_path / "file"
    private.mkdir(mode=0o700)
    opened.mkdir()
    opened.chmod(0o755)
    file.write_text("")
    assert wrong(private) == []
    assert wrong(private / "later" / "still") == []
    assert wrong(opened) == [
        f"LANDING_URL: {opened} is open to other users (mode 755) and holds personal data: chmod 700 {opened}"
    ]
    assert wrong(file / "below") == [f"LANDING_URL: {file} is not a folder: name another one"]
    [full] = wrong(private, least_free=1 << 60)
    assert "make room" in full


def test_a_time_zone_that_nobody_knows() -> None:
    assert machine.time_zone("America/Sao_Paulo").ok
    assert not machine.time_zone("America/Atlantida").ok


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An https address whose certificate comes from a private authority, and that authority's file."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with contextlib.suppress(OSError), client:
                    context.wrap_socket(client, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"https://localhost:{listener.getsockname()[1]}/api/export?{QUERY}", bundle
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_private_authority_needs_its_bundle(tls: tuple[str, Path]) -> None:
    url, bundle = tls

    [wrong] = problems(diagnose(read_settings(None, hitss_download_url=url)), "HITSS_DOWNLOAD_URL")
    assert "its certificate was not accepted" in wrong
    assert "HITSS_CA_BUNDLE" in wrong
    assert "joana" not in wrong

    trusted = diagnose(read_settings(None, hitss_download_url=url, hitss_ca_bundle=bundle))
    assert problems(trusted, "HITSS_DOWNLOAD_URL") == []
    assert "localhost answers and its certificate is trusted" in " ".join(each.sentence for each in trusted)


def test_an_address_without_months_and_without_anybody_there(closed_port: int) -> None:
    url = f"http://localhost:{closed_port}/export?usuarioFiltro=joana.prado"

    findings = diagnose(read_settings(None, hitss_download_url=url), Inquiry(probes_exports=True))

    months, connection = problems(findings, "HITSS_DOWNLOAD_URL")
    assert "needs the placeholders {inicio} and {fim}" in months
    assert f"localhost refuses connections on port {closed_port}" in connection
    assert "joana" not in " ".join(finding.sentence for finding in findings)


def test_a_probe_tells_the_status(hitss: HitssFake) -> None:
    url = hitss.download_url.replace("/export/", "/nowhere/")

    findings = diagnose(read_settings(None, hitss_download_url=url), Inquiry(probes_exports=True))

    [wrong] = problems(findings, "HITSS_DOWNLOAD_URL")
    assert "404" in wrong
    assert urlsplit(url).query not in wrong
