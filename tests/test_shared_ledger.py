"""What slices share, and the ledgers of runs: the same behaviour in files and in PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from postgres import PASSWORD, Cluster, Database, postgres, postgres_cluster

from tui_connector.errors import UserError
from tui_connector.outgoing.task_ledger import TaskFilter, TaskLedger, TaskReader, last_task_run
from tui_connector.outgoing.tasks import NewTask, TaskUpdate
from tui_connector.profile.problems import check_data
from tui_connector.runs.database import LedgerError, LedgerPlace
from tui_connector.runs.ledger import FailedRecord, HighWaterMark, Ledger, RunEnd, SeenItem
from tui_connector.runs.postgres_ledger import LedgerServer, LedgerSettings
from tui_connector.runs.postgres_slices import PostgresRuns
from tui_connector.runs.slice_directory import SliceDirectories, SliceDirectory
from tui_connector.runs.slices import (
    Attempt,
    Commit,
    FailedItem,
    Slice,
    SliceError,
    SlicePlan,
    SliceReport,
    SliceStore,
)

__all__ = ["postgres", "postgres_cluster"]

AT = "2026-11-01 00:00:00"
PLAN = SlicePlan(
    run_id="r1",
    profile="shop",
    name="items",
    configuration="c",
    created=AT,
    requested=2,
    field="id",
    by="id",
    slices=(Slice(index=0, after="0", until="5", expected=2), Slice(index=1, after="5", until="9", expected=1)),
)


def server_of(database: Database, **settings: Any) -> LedgerServer:
    saved = LedgerSettings.model_validate(database.saved | settings)
    return LedgerServer(saved, lambda: saved.parameters({"env:PGPASS": PASSWORD}, Path("/")), "shop", "")


@pytest.fixture(params=["files", "postgres"])
def where(request: pytest.FixtureRequest) -> Literal["files", "postgres"]:
    found: Literal["files", "postgres"] = request.param
    return found


@pytest.fixture
def server(where: str, request: pytest.FixtureRequest) -> LedgerServer | None:
    return None if where == "files" else server_of(request.getfixturevalue("postgres"))


@pytest.fixture
def new_store(server: LedgerServer | None, tmp_path: Path) -> Iterator[Callable[[], SliceStore]]:
    """Opens what the processes of a run share, as each of them does."""
    opened: list[SliceStore] = []

    def store() -> SliceStore:
        opened.append(SliceDirectory(tmp_path / "shared", "r1") if server is None else PostgresRuns(server).store("r1"))
        return opened[-1]

    yield store
    for each in opened:
        each.close()


@pytest.fixture
def place(server: LedgerServer | None, tmp_path: Path) -> Callable[..., LedgerPlace]:
    def of(family: Literal["incoming", "outgoing"], name: str = "items") -> LedgerPlace:
        return tmp_path / family / f"{name}.sqlite" if server is None else server.place(family, name)

    return of


def read_slice(store: SliceStore, index: int, *items: bytes, **more: Any) -> SliceReport:
    data = store.new_data(index)
    for item in items:
        data.write(item + b"\n")
    data.sync()
    report = SliceReport(
        run_id="r1",
        configuration="c",
        slice=index,
        data=data.name,
        bytes=data.bytes,
        sha256=data.sha256,
        items=len(items),
        **more,
    )
    data.close()
    return store.finish(PLAN, report)


def lines(store: SliceStore, report: SliceReport) -> list[bytes]:
    found: list[bytes] = []
    offset = 0
    while offset < report.bytes:
        some, offset = store.lines(report, offset, 10)
        assert some
        found += some
    return found


# slices


def test_a_plan_is_made_once(new_store: Callable[[], SliceStore]) -> None:
    assert new_store().planned() is None
    with pytest.raises(SliceError) as missing:
        new_store().plan()
    assert missing.value.code == "slices-missing"
    assert new_store().create(PLAN) == PLAN
    assert new_store().create(PLAN.model_copy(update={"created": "later"})) == PLAN
    with pytest.raises(SliceError, match="has a plan for 2 slices"):
        new_store().create(PLAN.model_copy(update={"requested": 3}))
    with pytest.raises(SliceError, match="the configuration has changed"):
        new_store().create(PLAN.model_copy(update={"configuration": "other"}))


def test_of_two_plans_at_once_one_is_used(new_store: Callable[[], SliceStore]) -> None:
    stores = [new_store() for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        plans = list(threads.map(lambda at: stores[at].create(PLAN.model_copy(update={"created": str(at)})), range(6)))
    assert len({each.created for each in plans}) == 1


def test_the_first_report_of_a_slice_counts(new_store: Callable[[], SliceStore]) -> None:
    store, other = new_store(), new_store()
    store.create(PLAN)
    first = read_slice(store, 0, b'{"id": 1}', b'{"id": 2}')
    again = read_slice(other, 0, b'{"id": 3}')
    assert again == first == other.report(PLAN, 0)
    assert lines(other, first) == [b'{"id": 1}', b'{"id": 2}']
    assert store.reported() == {0}


def test_a_report_of_another_configuration_is_refused(new_store: Callable[[], SliceStore]) -> None:
    store = new_store()
    store.create(PLAN)
    read_slice(store, 0, b"1")
    with pytest.raises(SliceError, match="belongs to another run or configuration"):
        store.report(PLAN.model_copy(update={"configuration": "other"}), 0)


def test_data_is_read_as_it_was_written(new_store: Callable[[], SliceStore]) -> None:
    store = new_store()
    store.create(PLAN)
    items = [json.dumps({"id": n, "text": "ä\r\u2028" * (n % 50)}, ensure_ascii=False).encode() for n in range(5_000)]
    items += [b'{"big": "' + b"x" * 3_000_000 + b'"}', b"\x0b", b" \r 1"]
    report = read_slice(store, 0, *items)
    assert lines(new_store(), report) == items
    assert new_store().lines(report, report.bytes, 10) == ([], report.bytes)


def test_a_commit_names_what_is_missing_and_then_removes_the_data(new_store: Callable[[], SliceStore]) -> None:
    store = new_store()
    store.create(PLAN)
    first = read_slice(store, 0, b"1", b"2")
    with pytest.raises(SliceError, match=r"1 of 2 slices cannot be committed \(not done: 1\)"):
        store.reports(PLAN)
    second = read_slice(store, 1, failed=(FailedItem(record="8", message="broken"),))
    assert new_store().reports(PLAN) == [first, second]
    commit = Commit(run_id="r1", state="complete", items=2, failed=1)
    assert store.committed() is None
    store.commit(commit)
    new_store().commit(commit)
    assert new_store().committed() == commit
    with pytest.raises(SliceError, match="missing or damaged"):
        new_store().reports(PLAN)


def test_a_slice_that_is_short_is_named(new_store: Callable[[], SliceStore]) -> None:
    store = new_store()
    store.create(PLAN)
    read_slice(store, 0, b"1")
    read_slice(store, 1, b"6")
    with pytest.raises(SliceError, match=r"incomplete .*: 0 \(1 of 2 items\)"):
        store.reports(PLAN)


def test_what_a_killed_process_leaves_behind_does_not_count(new_store: Callable[[], SliceStore]) -> None:
    store = new_store()
    store.create(PLAN)
    killed = store.new_data(0)
    killed.write(b"half a slice\n")
    killed.sync()
    store.close()
    assert new_store().report(PLAN, 0) is None
    assert lines(new_store(), read_slice(new_store(), 0, b"1", b"2")) == [b"1", b"2"]
    discarded = new_store().new_data(1)
    discarded.write(b"x\n")
    discarded.sync()
    discarded.discard()


def test_the_states_of_slices_are_seen_by_others(new_store: Callable[[], SliceStore]) -> None:
    assert new_store().states() is None
    store = new_store()
    store.create(PLAN)
    running = Attempt(slice=1, state="running", machine="one", process=7, began=AT, seen=AT)
    store.record(running)
    store.record(running.model_copy(update={"items": 5}))
    report = read_slice(store, 0, b"1", b"2")
    found = new_store().states()
    assert found is not None
    assert (found.done, found.attempts[1].items, found.attempts[1].machine) == ({0}, 5, "one")
    second = read_slice(store, 1, b"6")
    later = new_store().states(found)
    assert later is not None
    assert later.reports == {0: report, 1: second}


def test_the_tasks_of_a_slice_are_a_ledger(new_store: Callable[[], SliceStore]) -> None:
    store = new_store()
    name = store.new_tasks()
    plan = store.create(PLAN.model_copy(update={"sends": True, "tasks": name}))
    for index, values in ((0, ["a", "b"]), (1, ["c"])):
        with TaskLedger(store.tasks(plan, index)) as ledger:
            run = ledger.begin(AT, "f", "d")
            ledger.load(run.id, [NewTask(n, each, f'"{each}"') for n, each in enumerate(values)], AT)
    with TaskReader(new_store().tasks(plan, 0)) as reader:
        assert [task.entity for task in reader.tasks(1)] == ["a", "b"]
    store.discard_tasks(name)
    assert not new_store().tasks(plan, 1).exists()


def test_the_runs_of_a_profile_are_listed(server: LedgerServer | None, tmp_path: Path) -> None:
    runs = SliceDirectories(tmp_path / "shared", "shop", "") if server is None else PostgresRuns(server)
    with closing(runs):
        assert runs.ids() == []
        for at, (run_id, profile, environment) in enumerate(
            [("r1", "shop", ""), ("r2", "shop", ""), ("r3", "other", ""), ("r4", "shop", "staging")]
        ):
            of = {
                "run_id": run_id,
                "profile": profile,
                "environment": environment,
                "created": f"2026-11-01 0{at}:00:00",
            }
            runs.store(run_id).create(PLAN.model_copy(update=of))
        assert runs.ids() == ["r2", "r1"]


# ledgers


def test_a_ledger_is_held_by_one_run(place: Callable[..., LedgerPlace], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_connector.runs.postgres_ledger._HELD_FOR", "10ms")
    where = place("incoming")
    with Ledger(where), pytest.raises(LedgerError, match="items is already being read by process ") as refused:
        Ledger(where)
    assert refused.value.code == "already-running"
    with Ledger(place("incoming", "others")), Ledger(where):
        pass


def test_the_ledger_of_an_incoming_resumes(place: Callable[..., LedgerPlace]) -> None:
    where = place("incoming")
    with Ledger(where) as ledger:
        assert (ledger.last(), ledger.mark(), ledger.known_sink()) == (None, None, (None, None))
        run = ledger.begin(AT, "f", "GET", None, moves_mark=True, forget=True)
        ledger.confirm()
        run = replace(run, position={"after": 10}, sink={"bytes": 5}, items=2, read=3)
        seen = [SeenItem(AT, "a", b"\x00\xff"), SeenItem("2026-10-01 00:00:00", "b", b"2")]
        failed = [FailedRecord("r", "m", 7)]
        ledger.step(run, failed, seen, [("a", b"1"), ("b", b"1"), ("a", b"2")], forget_before="2026-10-15 00:00:00")
    with Ledger(where) as ledger:
        found = ledger.last()
        assert found == replace(run, closed=None)
        assert ledger.failures(run.id) == failed
        assert (ledger.seen(run.id + 1, "a"), ledger.seen(run.id + 1, "b")) == ([b"\x00\xff"], [])
        assert ledger.content(["a", "b", "c"]) == {"a": b"2", "b": b"1"}
        ledger.resume(run)
        ledger.step(replace(run, at_end=True), last=True)
        mark = HighWaterMark(AT, "f", {"bytes": 9})
        ledger.end(run, RunEnd("complete"), AT, mark, {"bytes": 9})
        assert (ledger.mark(), ledger.known_sink()) == (mark, ({"bytes": 5}, {"bytes": 9}))
    with Ledger.copy_of(where) as copy:
        new = copy.begin(AT, "f", "GET", AT, moves_mark=True, forget=False)
        assert new.id == run.id + 1
    with Ledger(where) as ledger:
        assert [each.state for each in ledger.runs()] == ["complete"]
        ledger.begin(AT, "f", "GET", AT, moves_mark=True, forget=False)  # closed without `confirm`
    with Ledger(where) as ledger:
        assert len(ledger.runs()) == 1
    assert place("incoming", "others").exists() is False


def test_a_ledger_keeps_the_last_runs(place: Callable[..., LedgerPlace]) -> None:
    where = place("incoming")
    with Ledger(where) as ledger, Ledger(place("incoming", "others")) as others:
        for _ in range(55):
            for each in (ledger, others):
                run = each.begin(AT, "f", "GET", None, moves_mark=False, forget=False)
                each.confirm()
                each.end(run, RunEnd("complete"), AT)
        assert [row.id for row in ledger.runs()] == list(range(55, 5, -1))
        assert len(others.runs()) == 50


def test_the_ledger_of_an_outgoing_knows_what_was_being_sent(place: Callable[..., LedgerPlace]) -> None:
    where = place("outgoing")
    assert last_task_run(where) is None
    with pytest.raises(LedgerError, match="items has not been run yet"):
        TaskReader(where)
    with TaskLedger(where) as ledger:
        run = ledger.begin(AT, "f", "d")
        tasks = [NewTask(line, f"S{line}", json.dumps({"n": line})) for line in range(1, 6)]
        ledger.load(run.id, [*tasks, NewTask(6, "", None, "failed", "bad line", "line", "text")], AT)
        ledger.loaded(run.id)
        first, second, third, *_ = ledger.window(run.id, "new", 0, 10)
        ledger.step(run.id, [TaskUpdate(each.id, "sending", sent=1) for each in (first, second)], AT, 1, 0, 0.5)
        done = TaskUpdate(first.id, "finished", exchange=3, keeps_entity=False, former='{"n": 0}')
        ledger.step(run.id, [done, TaskUpdate(third.id, "failed", "no", "status-400")], AT, 2, 1, 1.5)
    with TaskLedger(where) as ledger:
        last = ledger.last()
        assert last is not None
        assert (last.loaded, last.requests, last.retries, last.seconds) == (True, 2, 1, 1.5)
        assert ledger.resume(last, "f", AT) == 1
        counts = {state: number for state, number in ledger.counts(run.id).items() if number}
        assert counts == {"finished": 1, "unknown": 1, "failed": 2, "new": 2}
        with TaskReader(where) as reader:
            assert reader.is_running
            [finished] = reader.tasks(run.id, TaskFilter(["finished"]))
            assert (finished.entity, finished.former, finished.exchange, finished.attempts) == (None, {"n": 0}, 3, 1)
            reasons = {(each.state, each.code, each.count) for each in reader.reasons(run.id)}
            assert reasons == {("failed", "line", 1), ("failed", "status-400", 1), ("unknown", "interrupted", 1)}
            assert [task.line for task in reader.tasks(run.id, after=first.id, limit=2)] == [2, 3]
        assert ledger.lines(run.id) == set(range(1, 7))
        assert ledger.retry(last, TaskFilter(["failed"]), AT) == (1, 1)
        assert ledger.skip(last, TaskFilter(lines=[5]), AT) == 1
        ledger.replace_entity(third.id, "S3", {"n": 30}, AT)
        ledger.end(run.id, RunEnd("complete"), AT)
    with TaskReader(where) as reader:
        assert not reader.is_running
        assert reader.run(1).state == "complete"
        with pytest.raises(LedgerError, match="has no run 9"):
            reader.run(9)


def test_tasks_of_slices_become_one_run(place: Callable[..., LedgerPlace]) -> None:
    with TaskLedger(place("outgoing", "part")) as part:
        run = part.begin(AT, "f", None)
        part.load(run.id, [NewTask(n, str(n), "1") for n in range(1, 4)], AT)
    with TaskLedger(place("outgoing")) as main, TaskReader(place("outgoing", "part")) as part_reader:
        for run_id in ("a", "b"):
            main.add(run, part_reader.rows(run.id), run_id, append=True)
        assert main.sent_in("a") == main.sent_in("b")
        assert main.sent_in("c") is None
        assert main.lines(1) == set(range(1, 7))
        main.begin(AT, "f", None)
        assert [each.id for each in main.window(1, "new", 0, 10)] == list(range(1, 7))


def test_only_the_last_runs_of_an_outgoing_are_kept(place: Callable[..., LedgerPlace]) -> None:
    where = place("outgoing")
    with TaskLedger(where) as ledger:
        for _ in range(12):
            run = ledger.begin(AT, "f", None)
            ledger.load(run.id, [NewTask(1, "a", "1")], AT)
    with TaskReader(where) as reader:
        assert len(list(reader.tasks(12))) == 1
        with pytest.raises(LedgerError, match="Known runs: 3, 4,"):
            reader.run(2)


# only in PostgreSQL


def test_a_lock_is_released_with_the_connection(postgres: Database) -> None:
    where = server_of(postgres).place("incoming", "items")
    with Ledger(where) as held:
        run = held.begin(AT, "f", "GET", None, moves_mark=False, forget=False)
        held.confirm()
        ended = postgres.rows(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' "
            "AND (classid::bigint << 32 | objid::bigint) = hashtextextended(%s, 0)",
            f'tui-connector {postgres.schema} ["incoming", "shop", "", "items"]',
        )
        assert ended == [(True,)]
        with Ledger(where) as next_one:
            assert next_one.last() == run
        with pytest.raises(LedgerError, match=r"connection to .* was lost") as lost:
            held.step(run)
    assert "run again to resume" in lost.value.hint


def test_the_tables_have_the_columns_of_a_file(postgres: Database, tmp_path: Path) -> None:
    server_of(postgres).connect().close()
    for family, ledger in (("incoming", Ledger), ("outgoing", TaskLedger)):
        file = tmp_path / f"{family}.sqlite"
        ledger(file).close()
        with closing(sqlite3.connect(file)) as database:
            tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
            for (table,) in tables:
                columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
                assert list(postgres.types(f"tui_connector_{family}_{table}")) == [*columns, "ledger"], table


def test_machines_that_start_at_once_make_the_tables_once(postgres: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        for connection in threads.map(lambda _: server_of(postgres).connect(), range(8)):
            connection.close()
    assert postgres.rows("SELECT count(*) FROM tui_connector_ledger") == [(1,)]


def test_a_ledger_of_another_version_is_refused(postgres: Database) -> None:
    server_of(postgres).connect().close()
    postgres.rows("UPDATE tui_connector_ledger SET version = 99")
    with pytest.raises(LedgerError, match="has the format 99") as refused:
        server_of(postgres).connect()
    assert "same version on every machine" in refused.value.hint


def test_a_server_that_cannot_be_reached_is_named(postgres: Database, new_port: int) -> None:
    server = server_of(postgres, host="127.0.0.1", port=new_port)
    for use in (
        lambda: PostgresRuns(server).store("r1").planned(),
        lambda: Ledger(server.place("incoming", "items")),
    ):
        with pytest.raises(UserError, match="Cannot connect to postgresql://") as refused:
            use()
        assert "Check host, port and database" in refused.value.hint
        assert "refused. Is the server running" in refused.value.message


@pytest.fixture
def new_port() -> int:
    """A port on which nothing listens."""
    return 9


def test_a_password_goes_over_verified_tls_and_into_no_message(postgres: Database, postgres_cluster: Cluster) -> None:
    remote = {
        "host": "127.0.0.1",
        "password": {"env": "PGPASS"},
        "sslmode": "verify-full",
        "ca-file": str(postgres_cluster.authority),
    }
    with closing(server_of(postgres, **remote).connect()) as connection:
        assert connection.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(True,)]
    saved = LedgerSettings.model_validate(postgres.saved | remote)
    wrong = LedgerServer(saved, lambda: saved.parameters({"env:PGPASS": "a-CANARY-guess"}, Path("/")), "shop", "")
    with pytest.raises(LedgerError) as refused:
        wrong.connect()
    assert "CANARY" not in str(refused.value)
    assert "Check user and password" in refused.value.hint


def test_a_committed_run_leaves_no_data(postgres: Database) -> None:
    with closing(PostgresRuns(server_of(postgres)).store("r1")) as store:
        name = store.new_tasks()
        plan = store.create(PLAN.model_copy(update={"tasks": name}))
        with TaskLedger(store.tasks(plan, 0)) as ledger:
            ledger.load(ledger.begin(AT, "f", None).id, [NewTask(1, "a", "1")], AT)
        read_slice(store, 0, b"1", b"2")
        store.commit(Commit(run_id="r1", state="complete", items=2, failed=0))
    for table in ("slice_data", "outgoing_run", "outgoing_task"):
        assert postgres.rows(f"SELECT count(*) FROM tui_connector_{table}") == [(0,)], table


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"password": {"ask": True}}, "cannot be prompted for"),
        ({"password": "a-CANARY-password"}, "a secret does not belong in a profile"),
        ({"host": None}, "name either a host or a service"),
        ({"kind": "mysql"}, "postgres"),
    ],
)
def test_a_wrong_ledger_in_a_profile_is_explained(settings: dict[str, Any], message: str) -> None:
    ledger = {"kind": "postgres", "host": "db.example", "database": "etl"} | settings
    data = {"format": 1, "name": "Shop", "ledger": {k: v for k, v in ledger.items() if v is not None}}
    profile, problems = check_data(data)
    assert profile is None
    assert message in " ".join(text for _, text in problems)
    assert "CANARY" not in str(problems)
