"""`plan`, `run --slice` and `commit` as an engine calls them: exit codes, repeats, kills, and what is written."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import stat
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest
from http_server import Hold, reply
from listing import Item, SearchRequest, product
from requirements import require
from run_command import Command

RUN = ("items", "--run-id", "r1")


async def planned(command: Command, *options: str, slices: int = 4) -> dict[str, Any]:
    code, out, err = await command.run(*RUN, "--slices", str(slices), "--json", *options, verb="plan")
    assert (code, err) == (0, b"")
    found: dict[str, Any] = json.loads(out)
    return found


async def read(command: Command, number: int, *options: str) -> int | None:
    return (await command.run(*RUN, "--slice", str(number), *options))[0]


async def commit(command: Command, *options: str) -> tuple[int | None, str]:
    code, _, err = await command.run(*RUN, *options, verb="commit")
    return code, err.decode()


def directory(command: Command) -> Path:
    return command.state / "tui-connector" / "slices" / "r1"


async def test_slices_are_half_open_ranges_of_the_id_with_what_the_store_counts(command: Command) -> None:
    plan = await planned(command)
    assert [(each["after"], each["until"], each["expected"]) for each in plan["slices"]] == [
        ("0", "50", 50),
        ("50", "100", 50),
        ("100", "150", 50),
        ("150", "200", 50),
    ]
    assert (plan["field"], plan["expected"], plan["run_id"]) == ("entity_id", 200, "r1")


async def test_a_plan_is_printed_for_people_with_the_next_commands(command: Command) -> None:
    code, out, _ = await command.run("items", "--slices", "3", verb="plan")
    assert code == 0
    first, *_, then, last = out.decode().splitlines()
    assert first == "items: 3 slices by entity_id, 200 items"
    assert then.startswith("Run each slice: tui-connector run ")
    assert last.startswith("Then:           tui-connector commit ")
    assert "--run-id items-" in last


async def test_of_an_incoming_and_an_outgoing_with_one_name_the_one_that_is_meant_is_read(command: Command) -> None:
    path = command.folder / "shop.toml"
    path.write_text(path.read_text().replace("[outgoing.prices]", "[outgoing.items]"))
    for verb, options in (("plan", ("--slices", "2")), ("run", ("--slice", "0")), ("commit", ())):
        code, _, err = await command.run(*RUN, *options, verb=verb)
        assert (code, b"named 'items'" in err, b"--direction incoming or --direction outgoing" in err) == (
            2,
            True,
            True,
        )
    code, out, _ = await command.run(*RUN, "--slices", "2", "--direction", "incoming", verb="plan")
    assert code == 0
    assert out.decode().count(" items --direction incoming --run-id r1") == 2
    assert [await read(command, number, "--direction", "incoming") for number in (0, 1)] == [0, 0]
    assert (await commit(command, "--direction", "incoming"))[0] == 0
    assert len((command.folder / "items.jsonl").read_text().splitlines()) == 200
    code, out, _ = await command.run(*RUN, "--slices", "2", "--airflow", "--direction", "incoming", verb="plan")
    assert 'WHICH = ["--direction", "incoming"]' in out.decode()


async def test_the_slices_give_what_one_run_gives(command: Command) -> None:
    assert (await command.run())[0] == 0
    whole = (command.folder / "items.jsonl").read_bytes()
    await planned(command)
    assert [await read(command, number) for number in (2, 0, 3, 1)] == [0] * 4
    assert (command.folder / "items.jsonl").read_bytes() == whole
    code, err = await commit(command)
    assert code == 0, err
    assert err.startswith("items: 200 items in ")
    assert ", complete (0 requests)" in err
    assert (command.folder / "items.jsonl").read_bytes() == whole
    assert not list(directory(command).glob("*.jsonl"))


@pytest.mark.parametrize(
    "sink", ['{ kind = "csv", path = "out.csv" }', '{ kind = "sqlite", path = "out.db" }'], ids=["csv", "sqlite"]
)
async def test_every_sink_that_can_be_resumed_has_the_items_of_all_slices(command: Command, sink: str) -> None:
    command.change('{ kind = "jsonl", path = "items.jsonl" }', sink)
    await planned(command, slices=2)
    assert [await read(command, number) for number in (1, 0)] == [0, 0]
    assert (await commit(command))[0] == 0
    file = next(each for each in command.folder.iterdir() if each.name in ("out.csv", "out.db"))
    assert file.read_bytes().count(b"Product 200") >= 1


async def test_what_is_shared_is_private_and_can_be_in_any_directory(command: Command) -> None:
    shared = command.folder / "network"
    await planned(command, "--shared", str(shared), slices=1)
    assert await read(command, 0, "--shared", str(shared)) == 0
    files = [*shared.rglob("*")]
    assert {each.name for each in files} >= {"r1", "plan.json", "0000.json"}
    assert {stat.S_IMODE(each.stat().st_mode) for each in files if each.is_file()} == {0o600}
    assert (await commit(command, "--shared", str(shared)))[0] == 0
    assert command.ids() == list(range(1, 201))


async def test_a_variable_says_where_the_slices_are(command: Command) -> None:
    command.environment["TUI_CONNECTOR_SHARED"] = str(command.folder / "network")
    await planned(command, slices=1)
    assert await read(command, 0) == 0
    assert {"plan.json", "0000.json"} <= {each.name for each in (command.folder / "network" / "r1").iterdir()}
    assert (await commit(command))[0] == 0
    assert command.ids() == list(range(1, 201))


async def test_a_run_whose_directory_others_can_write_to_is_refused(command: Command) -> None:
    await planned(command, slices=1)
    directory(command).chmod(0o777)  # so that they could replace the tasks or the data of a slice
    code, error = await commit(command)
    assert (code, "r1 cannot be used: can be changed by other users" in error) == (2, True), error
    directory(command).chmod(0o700)
    assert await read(command, 0) == 0


async def test_planning_again_changes_nothing(command: Command) -> None:
    plan = await planned(command)
    command.store.items[300] = product(300)
    sent = len(command.store.asked)
    assert await planned(command) == plan
    assert len(command.store.asked) == sent
    code, _, err = await command.run(*RUN, "--slices", "5", verb="plan")
    assert (code, b"already has a plan for 4 slices" in err) == (2, True)


async def test_a_slice_that_is_done_is_not_read_again(command: Command) -> None:
    await planned(command)
    assert await read(command, 1) == 0
    part = [each.read_bytes() for each in directory(command).glob("0001-*.jsonl")]
    sent = len(command.store.asked)
    code, out, err = await command.run(*RUN, "--slice", "1/4", "--json")
    assert (code, err, len(command.store.asked)) == (0, b"", sent)
    assert json.loads(out.splitlines()[-1])["items"] == 50
    assert [each.read_bytes() for each in directory(command).glob("0001-*.jsonl")] == part


async def test_a_killed_slice_is_read_again(command: Command) -> None:
    await planned(command)
    hold = Hold()

    async def holds(asked: SearchRequest) -> None:
        if asked.after >= 70:
            await hold.wait()

    command.store.before = holds
    process = await command.start(*RUN, "--slice", "1")
    await hold.reached()
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    hold.release()
    assert (await commit(command))[0] == 4
    assert [await read(command, number) for number in range(4)] == [0] * 4
    assert (await commit(command))[0] == 0
    assert command.ids() == list(range(1, 201))
    assert not list(directory(command).glob("*.jsonl"))


async def test_two_processes_on_one_slice_do_not_disturb_each_other(command: Command) -> None:
    await planned(command, slices=2)
    both, first_pages = asyncio.Event(), list[SearchRequest]()

    async def meet(asked: SearchRequest) -> None:
        """Neither gets its first page before both have requested it."""
        if (asked.after, asked.until, asked.size) == (0, 100, 10):
            first_pages.append(asked)
            if len(first_pages) == 2:
                both.set()
            await asyncio.wait_for(both.wait(), 60)

    command.store.before = meet
    processes = [await command.start(*RUN, "--slice", "0") for _ in range(2)]
    ended = await asyncio.gather(*(each.communicate() for each in processes))
    assert [each.returncode for each in processes] == [0, 0], ended
    command.store.before = None
    assert len(list(directory(command).glob("0000-*.jsonl"))) == 1
    assert await read(command, 1) == 0
    assert (await commit(command))[0] == 0
    assert command.ids() == list(range(1, 201))


AIRFLOW = """
import sys
from airflow.__main__ import main
for words in (["db", "migrate"], ["dags", "test", "tui-connector-shop-items"]):
    sys.argv[1:] = words
    main()
"""
"""Two commands of Airflow in one process: to import it takes seconds."""


def interpreter_of(program: str) -> Path:
    """Of the virtual environment that a program is installed in."""
    return Path(shutil.which(program) or "").resolve().with_name("python")


@pytest.mark.long
async def test_airflow_runs_the_slices_of_the_dag_that_is_printed(command: Command) -> None:
    require("airflow")
    code, out, _ = await command.run("items", "--slices", "2", "--airflow", verb="plan")
    assert code == 0
    dags, shared = command.folder / "dags", command.folder / "shared"
    for each in (dags, shared):
        each.mkdir()
    dag, replaced = re.subn("^SHARED = .*", f"SHARED = {str(shared)!r}", out.decode(), flags=re.MULTILINE)
    assert replaced == 1
    (dags / "shop.py").write_text(dag)
    environment = {
        **{name: value for name, value in command.environment.items() if name != "PYTHONPATH"},  # that of this one
        "PATH": f"{Path(sys.executable).parent}:{command.environment['PATH']}",
        "AIRFLOW_HOME": str(command.folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "SCARF_ANALYTICS": "false",
    }
    words = (interpreter_of("airflow"), "-c", AIRFLOW)
    airflow = await asyncio.create_subprocess_exec(*words, env=environment, stdout=PIPE, stderr=STDOUT)
    out, _ = await airflow.communicate()
    assert airflow.returncode == 0, out.decode()
    assert command.ids() == list(range(1, 201)), out.decode()


async def test_a_commit_names_the_slices_that_are_missing_and_changes_nothing(command: Command) -> None:
    await planned(command)
    assert await read(command, 2) == 0
    code, err = await commit(command)
    assert code == 4
    assert "3 of 4 slices cannot be committed (not done: 0, 1, 3)" in err
    assert not (command.folder / "items.jsonl").exists()


async def test_a_commit_refuses_data_that_was_damaged(command: Command) -> None:
    await planned(command, slices=1)
    assert await read(command, 0) == 0
    [part] = directory(command).glob("*.jsonl")
    part.write_bytes(part.read_bytes().replace(b"Product 7", b"Product 8", 1))
    code, err = await commit(command)
    assert (code, "missing or damaged" in err) == (4, True)


async def test_a_repeated_commit_is_harmless(command: Command) -> None:
    await planned(command, slices=2)
    assert [await read(command, number) for number in (0, 1)] == [0, 0]
    assert (await commit(command))[0] == 0
    before = (command.folder / "items.jsonl").read_bytes()
    code, err = await commit(command)
    assert (code, "was committed before: 200 items" in err) == (0, True)
    assert (command.folder / "items.jsonl").read_bytes() == before
    assert await read(command, 0) == 0


async def test_a_commit_is_refused_where_another_run_has_completed_meanwhile(command: Command) -> None:
    await planned(command, slices=1)
    assert await read(command, 0) == 0
    assert (await command.run())[0] == 0
    code, err = await commit(command)
    assert (code, "has completed since" in err) == (2, True)


async def test_a_plan_of_another_configuration_is_refused(command: Command) -> None:
    await planned(command, slices=1)
    command.change('uri = "products"', 'uri = "products?fields=items[id,sku]"')
    code, _, err = await command.run(*RUN, "--slice", "0")
    assert (code, b"the configuration has changed" in err) == (2, True)
    code, said = await commit(command)
    assert (code, "the configuration has changed" in said) == (2, True)


async def test_a_report_of_another_run_is_refused(command: Command) -> None:
    await planned(command, slices=1)
    assert await read(command, 0) == 0
    file = directory(command) / "0000.json"
    file.write_text(file.read_text().replace('"r1"', '"r2"'))
    code, err = await commit(command)
    assert (code, "belongs to another run" in err) == (2, True)


@pytest.mark.parametrize("words", [("--slice", "9"), ("--slice", "1/3"), ("--slice", "x"), ("--slice", "0", "--full")])
async def test_a_slice_that_does_not_exist_is_an_error_of_the_setup(command: Command, words: tuple[str, ...]) -> None:
    await planned(command)
    code, _, err = await command.run(*RUN, *words)
    assert (code, err.count(b"\n")) == (2, 1)


async def test_without_a_plan_nothing_is_run(command: Command) -> None:
    """Another process may be about to make it: slices and commit wait for it alike."""
    code, _, err = await command.run(*RUN, "--slice", "0")
    assert (code, b"has no plan" in err) == (4, True)
    code, _, err = await command.run("items", "--run-id", "../r1", verb="commit")
    assert (code, b"not a valid run id" in err) == (2, True)


async def test_exit_codes_say_whether_to_try_again(command: Command) -> None:
    await planned(command, slices=1)
    command.store.bend = lambda asked, items: reply("401 Unauthorized", b'{"message":"no"}')
    assert await read(command, 0) == 3
    assert (await command.run("items", "--slices", "2", verb="plan"))[0] == 3
    command.store.bend = lambda asked, items: reply("404 Not Found", b'{"message":"no such thing"}')
    assert await read(command, 0) == 2
    command.store.bend = lambda asked, items: reply("503 Service Unavailable", b"")
    command.change('identifier = "sku"', 'identifier = "sku"\npatience = "1s"')
    assert await read(command, 0) == 4
    assert (await command.run("items", "--slices", "2", verb="plan"))[0] == 4


async def test_slices_wait_for_a_store_that_is_unreachable(command: Command) -> None:
    command.change('identifier = "sku"', 'identifier = "sku"\npatience = "1s"')
    plan = ("items", "--run-id", "r2", "--slices", "4")
    command.store.closes = lambda asked: True
    assert b"the run does not wait" in (await command.run(*plan, verb="plan"))[2]  # nor does a first run
    command.store.closes = lambda asked: False
    await planned(command)
    command.store.closes = lambda asked: True
    code, _, err = await command.run(*RUN, "--slice", "1")
    assert code == 4
    assert b"the incoming's patience is 1 s" in err
    code, _, err = await command.run(*plan, verb="plan")
    assert code == 4
    assert b"retrying in 1 s" in err


async def test_an_incomplete_slice_is_to_be_read_again(command: Command) -> None:
    await planned(command, slices=2)

    def omits(asked: SearchRequest, items: list[Item]) -> bytes | None:
        left = [item for item in items if item["id"] != 33]
        return None if len(left) == len(items) or asked.size == 1 else command.store.page(left, 100)

    command.store.bend = omits
    assert await read(command, 0) == 4
    assert not (directory(command) / "0000.json").exists()
    assert not list(directory(command).glob("*.jsonl"))


async def test_a_record_that_breaks_the_store_is_reported_by_the_commit(command: Command) -> None:
    def breaks(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("500 Internal Server Error", b"{}") if any(item["id"] == 77 for item in items) else None

    await planned(command, slices=2)
    command.store.bend = breaks
    assert [await read(command, number) for number in (0, 1)] == [0, 0]
    code, err = await commit(command)
    assert code == 1
    assert "199 items" in err
    assert "1 failed" in err
    assert (await commit(command))[0] == 1


async def test_the_mark_of_an_incremental_incoming_moves_once_with_the_commit(command: Command) -> None:
    command.change('identifier = "sku"', 'identifier = "sku"\nincremental = { field = "updated_at" }')
    command.store.items[200]["updated_at"] = "2026-11-20 10:00:00"
    await planned(command)
    command.store.items[7] = product(7, "2026-11-25 00:00:00")  # changed while the slices are read
    assert [await read(command, number) for number in range(4)] == [0] * 4
    assert (await commit(command))[0] == 0
    command.store.asked.clear()
    command.store.items[8] = product(8, "2026-11-25 00:00:01")
    code, _, err = await command.run()
    assert code == 0, err
    assert {asked.since for asked in command.store.asked} == {"2026-11-24 11:59:30"}
    assert command.ids() == [*range(1, 201), 8]
    plan = await command.run("items", "--run-id", "r2", "--slices", "2", "--json", verb="plan")
    assert json.loads(plan[1])["since"] == "2026-11-24 11:59:30"


@pytest.mark.parametrize(
    ("good", "bad", "why"),
    [
        ('sink = { kind = "jsonl", path = "items.jsonl" }', 'sink = { kind = "stdout" }', "cannot be resumed"),
        (
            'pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }',
            'pagination = { kind = "page-number", parameter = "page" }',
            'needs the pagination "keyset"',
        ),
        ('filter = "entity_id", field = "id"', 'filter = "entity_id", field = ""', "no id in its responses"),
    ],
    ids=["sink", "pagination", "no id"],
)
async def test_what_cannot_be_sliced_is_refused_clearly(command: Command, good: str, bad: str, why: str) -> None:
    command.change(good, bad)
    code, _, err = await command.run("items", "--slices", "2", verb="plan")
    assert (code, why in err.decode().replace("need the", "needs the")) == (2, True), err


async def test_an_empty_list_has_no_slices_and_commits_as_an_empty_run(command: Command) -> None:
    command.store.items = {}
    assert (await planned(command))["slices"] == []
    assert (await commit(command))[0] == 0
    assert (command.folder / "items.jsonl").read_bytes() == b""


async def test_more_slices_than_items_are_done_at_once(command: Command) -> None:
    command.store.items = {1: product(1), 2: product(2)}
    assert len((await planned(command, slices=4))["slices"]) == 2
    assert [await read(command, number) for number in range(4)] == [0] * 4
    assert await read(command, 4) == 2
    assert (await commit(command))[0] == 0
    assert command.ids() == [1, 2]


async def test_a_commit_waits_for_a_plan_as_for_slices(command: Command) -> None:
    code, err = await commit(command)
    assert (code, "has no plan" in err) == (4, True)


@pytest.mark.parametrize("engine", ["--kubernetes", "--airflow"])
async def test_what_an_engine_needs_is_printed_without_a_request(command: Command, engine: str) -> None:
    code, out, err = await command.run(*RUN, "--slices", "4", engine, verb="plan")
    assert (code, err) == (0, b"")
    assert b"SHOP_TOKEN" in out
    assert command.store.asked == []
    assert not directory(command).exists()


@pytest.mark.parametrize("content", ["", "{", '{"format": 2}', '{"format": 1, "slices": []}'])
async def test_a_plan_that_is_not_one_is_refused(command: Command, content: str) -> None:
    await planned(command, slices=1)
    (directory(command) / "plan.json").write_text(content)
    code, _, err = await command.run(*RUN, "--slice", "0")
    assert (code, b"was not written by this version" in err) == (2, True)


async def test_a_plan_that_others_could_have_written_is_refused(command: Command) -> None:
    await planned(command, slices=1)
    (directory(command) / "plan.json").chmod(0o666)
    code, _, err = await command.run(*RUN, "--slice", "0")
    assert (code, b"can be changed by other users" in err) == (2, True)
