"""The supervisor against real servers, real kills and real left-overs. Killed are only servers begun here."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
import pytest

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.postgres.embedded_binaries import Account, PostgresError, Runner, installed_binaries

HOLDER = """
import pathlib, sys
from sync_pipelines.lib.postgres.embedded import PostgresServer
server = PostgresServer(pathlib.Path(sys.argv[1]), durable=False)
server.start(detached=sys.argv[2] == "detached")
print(server.url(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("shared") / "home", durable=False) as server:
        yield server
    forget(server)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server that the test may stop, break and kill."""
    server = PostgresServer(tmp_path / "home", durable=False)
    yield server
    server.stop()
    forget(server)


def forget(server: PostgresServer) -> None:
    """Run by the user nobody, a server keeps its data in the temp folder, where pytest does not clean."""
    if (place := server._data().parent) != server.home:
        shutil.rmtree(place)


def ask(url: str, statement: LiteralString) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None


def write(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def postmaster(server: PostgresServer) -> psutil.Process:
    return psutil.Process(int((server._data() / "postmaster.pid").read_text().splitlines()[0]))


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.01)
    return True


def holder(home: Path, way: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_restart_keeps_the_data_and_the_address(own: PostgresServer) -> None:
    own.start()
    url, pid = own.url(), postmaster(own).pid
    write(url, "create table kept as select 7 as n")
    own.start()
    assert postmaster(own).pid == pid, "a second start attaches"
    own.stop()
    assert not own.is_running()
    assert not psutil.pid_exists(pid)
    own.stop()
    own.start()
    assert own.is_running()
    assert own.url() == url
    assert ask(url, "select n from kept") == 7


def test_what_others_left_in_the_lock_and_on_the_port_is_no_obstacle(own: PostgresServer) -> None:
    with own:
        write(own.url(), "create table kept as select 7 as n")
        before = psycopg.conninfo.conninfo_to_dict(own.url())["port"]
        lock = (own._data() / "postmaster.pid").read_text().splitlines()
    with socket.create_server(("127.0.0.1", int(str(before)))):
        # The number of a living process that is no Postgres: our own.
        (own._data() / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lock[1:], ""]))
        assert not own.is_running()
        own.start()
        assert own.is_running()
        assert psycopg.conninfo.conninfo_to_dict(own.url())["port"] != before
    assert ask(own.url(), "select n from kept") == 7


def test_the_home_is_private(server: PostgresServer) -> None:
    data = server._data()
    paths = [server.home, *server.home.iterdir(), *data.parent.iterdir()]
    modes = {path.name: path.stat().st_mode & 0o777 for path in paths}
    assert modes["home"] == modes["data"] == modes["socket"] == 0o700
    assert modes["password"] == modes["server.json"] == modes["postgres.log"] == 0o600
    assert "initdb-password" not in modes


def test_only_the_password_opens_it(server: PostgresServer) -> None:
    password = (server.home / "password").read_text()
    assert f":{password}@127.0.0.1:" in server.url()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url().replace(password, "guessed"))
    assert password not in " ".join(postmaster(server).cmdline())
    assert password not in (server.home / "postgres.log").read_text()


def test_a_home_that_others_can_read_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(PostgresError, match="open to others"):
        PostgresServer(tmp_path).start()
    assert not (tmp_path / "data").exists()


def test_a_home_without_a_server_says_so(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "none")
    server.stop()
    assert not server.is_running()
    with pytest.raises(PostgresError, match="start it first"):
        server.url()
    assert not server.home.exists()


def test_an_error_ends_with_the_log(own: PostgresServer) -> None:
    with own:
        pass
    version = own._data() / "PG_VERSION"
    version.write_text("9.6\n")
    with pytest.raises(
        PostgresError, match=r"(?s)did not start; .*postgres\.log ends:.*incompatible with server"
    ):
        own.start()
    assert not own.is_running()


def test_another_process_attaches(server: PostgresServer) -> None:
    process = holder(server.home, "attached")
    assert first_line(process) == server.url()
    process.communicate()
    assert server.is_running()


def test_databases_come_and_go(server: PostgresServer) -> None:
    url = server.create_database('of "all" sorts/ção')
    assert server.create_database('of "all" sorts/ção') == url
    with psycopg.connect(url) as connection:
        assert connection.info.dbname == 'of "all" sorts/ção'
        server.drop_database('of "all" sorts/ção')  # with us inside
    server.drop_database('of "all" sorts/ção')
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_several_databases_go_at_once(server: PostgresServer) -> None:
    urls = [server.create_database(name) for name in ("one", "other")]
    server.drop_database("one", "never made", "other")
    server.drop_database()
    for url in urls:
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)


def test_a_template_is_copied(server: PostgresServer) -> None:
    model = server.create_database("model")
    write(model, "create table seeded as select generate_series(1, 3) as n")
    copy = server.create_database("copy", template="model")
    write(copy, "delete from seeded where n = 1")
    assert (ask(model, "select sum(n) from seeded"), ask(copy, "select sum(n) from seeded")) == (6, 5)
    with pytest.raises(PostgresError, match="copy exists"):
        server.create_database("copy", template="model")


@pytest.mark.slow  # Postgres itself waits 5 s for the others to go
def test_a_template_in_use_is_named(server: PostgresServer) -> None:
    with (
        psycopg.connect(server.create_database("busy")),
        pytest.raises(PostgresError, match="busy is in use"),
    ):
        server.create_database("another", template="busy")


def test_durability_is_the_callers_choice(server: PostgresServer, own: PostgresServer) -> None:
    own.durable = True
    own.start()
    names: tuple[LiteralString, ...] = ("show fsync", "show synchronous_commit", "show full_page_writes")
    assert [ask(own.url(), name) for name in names] == ["on", "on", "on"]
    assert [ask(server.url(), name) for name in names] == ["off", "off", "off"]


def test_accents_and_clock_are_the_same_on_every_machine(server: PostgresServer) -> None:
    assert ask(server.url(), "select upper('ação') || current_setting('TimeZone')") == "AÇÃOUTC"


@pytest.mark.slow
def test_the_socket_of_a_deep_home_is_elsewhere_and_as_private(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["deep-folder"] * 12)
    with PostgresServer(deep, durable=False) as server:
        folder = Path(server._state()["socket"])
        assert not folder.is_relative_to(deep)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert any(path.is_socket() for path in folder.iterdir())
    assert not folder.exists()
    forget(server)


@pytest.mark.slow
def test_a_killed_postmaster_is_recovered(own: PostgresServer) -> None:
    own.durable = True
    own.start()
    write(own.url(), "create table kept as select 7 as n")
    killed = postmaster(own)
    killed.send_signal(signal.SIGKILL)
    assert eventually(lambda: not own.is_running()), "our unreaped zombie does not count"
    own.start()
    assert postmaster(own).pid != killed.pid
    assert ask(own.url(), "select n from kept") == 7


@pytest.mark.slow
def test_a_busy_backend_that_outlived_its_postmaster_is_ended(own: PostgresServer) -> None:
    own.start()
    with closing(psycopg.connect(own.url())) as connection:
        backend = psutil.Process(connection.info.backend_pid)
        connection.pgconn.send_query(b"do $$ begin loop end loop; end $$")
        postmaster(own).send_signal(signal.SIGKILL)
        assert eventually(lambda: not own.is_running())
        assert backend.is_running()
        own.start()
        assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    assert own.is_running()


@pytest.mark.slow
def test_a_lock_without_any_process_is_removed(own: PostgresServer) -> None:
    with own:
        lock = (own._data() / "postmaster.pid").read_text().splitlines()
    ended = subprocess.Popen(["true"])
    ended.wait()
    (own._data() / "postmaster.pid").write_text("\n".join([str(ended.pid), *lock[1:], ""]))
    own.start()
    assert own.is_running()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_a_server_ends_with_its_killed_holder(own: PostgresServer) -> None:
    process = holder(own.home, "attached")
    assert first_line(process) == own.url()
    assert own.is_running()
    kill(process)
    assert eventually(lambda: not own.is_running())
    own.start()
    assert own.is_running()


@pytest.mark.slow
def test_a_server_outlives_the_thread_that_started_it(own: PostgresServer) -> None:
    thread = threading.Thread(target=own.start)
    thread.start()
    thread.join()
    assert not eventually(lambda: not own.is_running(), seconds=0.5)


@pytest.mark.slow
def test_a_detached_server_outlives_its_holder_and_is_stopped_by_another(own: PostgresServer) -> None:
    process = holder(own.home, "detached")
    assert first_line(process) == own.url()
    kill(process)
    pid = postmaster(own).pid
    own.start()
    assert postmaster(own).pid == pid
    own.stop()
    assert not own.is_running()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_two_starts_at_once_make_one_server(own: PostgresServer) -> None:
    processes = [holder(own.home, "detached") for _ in range(4)]
    urls = {first_line(process) for process in processes}
    for process in processes:
        process.communicate()
    assert urls == {own.url()}
    assert own.is_running()
    assert (own.home / "postgres.log").read_text().count("Success. You can now start") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
@pytest.mark.parametrize("account", ["namespace", "nobody"])
def test_root_runs_it_as_somebody_else(own: PostgresServer, account: Account) -> None:
    if account == "namespace" and not Runner("namespace", installed_binaries(), Path("/tmp")).works():
        pytest.skip("this machine forbids user namespaces")
    own.account = account
    own.start()
    write(own.url(), "create table kept as select 7 as n")
    own.stop()
    again = PostgresServer(own.home)
    again.start(detached=True)
    assert ask(again.url(), "select n from kept") == 7
    again.stop()
    assert not own.is_running()
