"""`run` as a shell and cron see it: exit codes, events, signals, and no output where all is well."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path

import pytest
from http_server import Hold, reply
from listing import Item, SearchRequest
from program import Program
from run_command import Command, summary

from tui_connector.incoming.sink import Sink


async def test_without_a_terminal_a_run_ends_with_one_line_of_summary(command: Command) -> None:
    code, out, err = await command.run()
    assert (code, out) == (0, b"")
    [line] = err.decode().splitlines()
    assert re.fullmatch(rf"items: 200 items in \d+ s, complete \({len(command.store.asked)} requests\)", line)
    assert command.ids() == list(range(1, 201))


async def test_a_quiet_run_tells_cron_nothing_where_all_is_well(command: Command) -> None:
    assert await command.run("--quiet") == (0, b"", b"")
    assert command.ids() == list(range(1, 201))


async def test_a_quiet_run_still_reports_what_went_wrong(command: Command) -> None:
    command.store.bend = lambda asked, items: reply("404 Not Found", b'{"message":"no such thing"}')
    code, out, err = await command.run("-q")
    assert (code, out) == (2, b"")
    assert b"no such thing" in err


async def test_every_incoming_of_a_run_has_a_summary_line(command: Command) -> None:
    command.change("[incoming.unused]", "[incoming.more]")
    command.change("disabled = true\n", 'sink = { kind = "jsonl", path = "more.jsonl" }\nitems = "items"\n')
    command.store.items = {1: command.store.items[1]}
    code, _, err = await command.run()
    assert code == 0
    assert [line.partition(" in ")[0] for line in err.decode().splitlines()] == ["items: 1 item", "more: 1 item"]


async def test_a_summary_never_says_complete_where_an_item_failed(command: Command) -> None:
    def breaks(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("500 Internal Server Error", b"{}") if any(item["id"] == 77 for item in items) else None

    command.store.bend = breaks
    code, _, err = await command.run()
    assert code == 1
    last = err.decode().splitlines()[-1]
    assert last.startswith("items: 199 items in ")
    assert ", 1 failed (" in last
    assert "complete" not in last


async def test_with_json_each_line_is_an_object_and_the_last_is_the_summary(command: Command) -> None:
    code, out, err = await command.run("items", "--json")
    assert (code, err) == (0, b"")
    events = [json.loads(line) for line in out.splitlines()]
    assert events[0]["event"] == "start"
    assert {*events[-1]} >= {"event", "name", "items", "seconds", "requests", "retries", "state"}
    assert (summary(out)["items"], summary(out)["state"], summary(out)["name"]) == (200, "complete", "items")
    assert summary(out)["requests"] == len(command.store.asked)


async def test_a_value_lost_in_every_item_is_a_warning_with_a_code(command: Command) -> None:
    command.change("[incoming.items]", '[incoming.items]\ntransform = "{id: id, p: skuu}"')
    words = "'p' is null in all 200 items: they have no field 'skuu'. Correct transform: did you mean 'sku'?"
    code, out, _ = await command.run("items", "--json")
    notes = [event for event in map(json.loads, out.splitlines()) if event["event"] == "note" and "code" in event]
    assert (code, summary(out)["state"]) == (0, "complete")
    assert [each["code"] for each in notes] == ["incoming-field"] * 2
    assert notes[-1]["text"] == words
    code, _, err = await command.run("items", "--quiet", "--full")
    assert code == 0
    assert f"items: {words}" in " ".join(err.decode().split())


async def test_data_on_standard_output_has_it_for_itself(command: Command) -> None:
    code, out, err = await command.run("items", "--out", "-", "--json")
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == list(range(1, 201))
    assert summary(err)["items"] == 200
    assert not (command.folder / "items.jsonl").exists()
    assert (await command.run("items", "--out", "-"))[1] == out


async def test_out_writes_elsewhere_and_leaves_the_sink_alone(command: Command) -> None:
    target = command.folder / "elsewhere.csv"
    assert (await command.run("--out", str(target)))[0] == 0
    assert target.read_text().count("\n") == 201
    assert not (command.folder / "items.jsonl").exists()


@pytest.mark.parametrize(("name", "delimiter"), [("e.CSV", ","), ("e.tsv", "\t"), ("e.tab", "\t"), ("e.psv", "|")])
async def test_out_writes_the_delimiter_that_the_ending_says(command: Command, name: str, delimiter: str) -> None:
    code, _, err = await command.run("--quiet", "--out", str(command.folder / name))
    assert (code, err) == (0, b"")
    assert (command.folder / name).read_text().startswith(f"id{delimiter}")


async def test_out_says_which_format_a_file_with_another_ending_has(command: Command) -> None:
    _, _, err = await command.run("--dry-run", "--out", "items.xlsx")
    assert "--out items.xlsx: written as JSON Lines, because no sink has the ending" in err.decode()
    for known in ("items.ndjson", "items.jsonl.gz", "items"):
        assert b"JSON Lines" not in (await command.run("--dry-run", "--out", known))[2]


def test_help_names_the_endings_of_all_sinks(program: Program) -> None:
    shown = program("run", "--help").stdout
    [endings] = re.findall(r"as its ending says \(([^)]*)\)", " ".join(shown.split()))
    known = {ending for kind in Sink.all_kinds().values() if issubclass(kind, Sink) for ending in kind.endings}
    assert set(endings.split(", ")) >= known | {".csv", ".tsv", ".parquet"}


async def test_out_writes_parquet_into_any_folder(command: Command, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With the items beside it, which the user has not named."""
    parquet = pytest.importorskip("pyarrow.parquet")
    target = tmp_path_factory.mktemp("elsewhere") / "items.parquet"
    assert (await command.run("--out", str(target)))[0] == 0
    assert parquet.read_table(target).num_rows == 200
    assert sorted(each.name for each in target.parent.iterdir()) == ["items.parquet", "items.parquet.jsonl"]


async def test_a_dry_run_sends_nothing_and_says_what_it_would(command: Command) -> None:
    code, out, _ = await command.run("--dry-run")
    assert code == 0
    assert b"Reads everything." in out
    assert b"GET " in out
    assert b"pageSize%5D=10" in out
    assert command.store.asked == []
    assert not (command.folder / "items.jsonl").exists()


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("[incoming.items]", "[incoming.items]\ndisabled = true", "disabled"),
        ('authentications = ["a"]', 'authentications = ["a"]\ndisabled = true', "disabled"),
        ('sink = { kind = "jsonl", path = "items.jsonl" }', "", "sink"),
        ('uri = "products"', 'uri = "@{run.nosuch}"', "nosuch"),
        ('uri = "products"', 'uri = "../x"', "URI"),
        ('uri = "products"', 'uri = "http://elsewhere.example/x"', "another host"),
    ],
    ids=lambda text: text.split("\n")[-1],
)
async def test_a_dry_run_says_what_is_wrong_with_the_setup_as_the_run_does(
    command: Command, good: str, bad: str, said: str
) -> None:
    command.change(good, bad)
    code, out, err = await command.run("items", "--dry-run")
    assert (code, out) == (2, b"")
    assert said in err.decode()
    assert (code, out, err) == await command.run("items")
    assert command.store.asked == []


async def test_a_dry_run_goes_on_after_one_that_cannot_begin(command: Command) -> None:
    command.change("[incoming.unused]", "[incoming.more]")
    command.change("disabled = true\n", 'sink = { kind = "jsonl", path = "more.jsonl" }\n')
    command.change('uri = "products"', 'uri = "../x"')
    code, out, err = await command.run("--dry-run")
    assert code == 2
    assert err.startswith(b"items: ")
    assert b"more: Reads everything." in out
    code, out, _ = await command.run("--dry-run", "--json")
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["summary", "dry-run"]


async def test_a_dry_run_with_a_damaged_ledger_says_so(command: Command) -> None:
    assert (await command.run("items"))[0] == 0
    for file in command.state.rglob("items.sqlite*"):
        file.write_bytes(b"no database at all" * 100)
    code, _, err = await command.run("items", "--dry-run")
    assert code == 2
    assert b"is damaged" in err


async def test_a_dry_run_with_since_needs_a_date_to_go_by(command: Command) -> None:
    code, _, err = await command.run("items", "--dry-run", "--since", "2026-02-01")
    assert code == 2
    assert b"has no date to read from" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
async def test_a_signal_stops_it_cleanly_and_the_next_run_goes_on(command: Command, number: signal.Signals) -> None:
    hold = Hold()

    async def get_stuck(asked: SearchRequest) -> None:
        if asked.after >= 100:
            await hold.wait()

    command.store.before = get_stuck
    process = await command.start("--json")
    await hold.reached()
    process.send_signal(number)
    out, _ = await process.communicate()
    hold.release()
    assert process.returncode == 4
    assert summary(out)["state"] == "stopped"
    assert number.name in summary(out)["reason"]
    assert command.ids() == list(range(1, len(command.ids()) + 1))
    command.store.before = None
    assert (await command.run())[0] == 0
    assert command.ids() == list(range(1, 201))


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [("401 Unauthorized", 3, "refused"), ("403 Forbidden", 3, "refused"), ("404 Not Found", 2, "failed")],
)
async def test_the_exit_code_says_who_is_to_act(command: Command, status: str, code: int, state: str) -> None:
    command.store.bend = lambda asked, items: reply(status, b'{"message":"no such thing"}')
    found, out, err = await command.run("--json")
    assert (found, summary(out)["state"]) == (code, state)
    assert summary(out)["code"] == f"status-{status[:3]}"
    assert b"no such thing" in out
    assert b"CANARY" not in out + err


async def test_one_broken_record_is_exit_code_1(command: Command) -> None:
    def breaks(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("500 Internal Server Error", b"{}") if any(item["id"] == 77 for item in items) else None

    command.store.bend = breaks
    code, out, err = await command.run()
    assert (code, out) == (1, b"")
    assert b"entity_id 77 failed" in err
    assert command.ids() == [number for number in range(1, 201) if number != 77]


async def test_a_full_disk_stops_it_and_the_next_run_goes_on(command: Command) -> None:
    command.store.items = {number: {**item, "name": "x" * 5_000} for number, item in command.store.items.items()}
    code, out, _ = await command.run("--json", limit_file=400_000)
    assert code == 4
    assert "cannot grow" in summary(out)["reason"]
    assert (await command.run())[0] == 0
    assert command.ids() == list(range(1, 201))


async def test_what_only_another_part_reads_is_not_run_without_its_name(command: Command) -> None:
    """It needs no sink: an outgoing sends its items, or child lists are read for them."""
    profile, lists = command.folder / "shop.toml", 'client = "shop"\nrequest = { uri = "products" }\nitems = "items"\n'
    copies = (
        'client = "shop"\nsource = { kind = "incoming", name = "sent" }\nrequest = { uri = "x", method = "post" }\n'
    )
    profile.write_text(f"{profile.read_text()}[incoming.sent]\n{lists}[outgoing.copies]\n{copies}")
    code, _, err = await command.run()
    assert (code, b"sent" in err) == (0, False)
    code, _, err = await command.run("sent")
    assert (code, b"The incoming sent has no sink. Add one, or run it with --out FILE." in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nothing"], "no incoming or outgoing named 'nothing'"),
        (["prices"], "The outgoing prices has no source"),
        (["prices", "--since", "2026-02-01"], "--since is for incoming configurations; prices sends"),
        (["prices", "--out", "x.jsonl"], "--out is for incoming configurations; prices sends"),
        (["--since", "yesterday"], "is not a date"),
        (["--since", "2026-02-30 00:00:00"], "is not a date"),
        (["--since", "2026-02-01"], "has no date to read from"),
        (["unused"], "disabled"),
        (["items", "--out", "o\udcff.jsonl"], "--out o\\udcff.jsonl: not a valid path for a sink"),
    ],
    ids=str,
)
async def test_what_is_wrong_with_the_command_is_said_and_nothing_is_asked(
    command: Command, options: list[str], said: str
) -> None:
    code, _, err = await command.run(*options)
    assert code == 2
    assert said in err.decode()
    assert command.store.asked == []


async def test_a_second_run_at_once_is_told_as_one_that_was_stopped(command: Command) -> None:
    hold = Hold()
    command.store.before = lambda asked: hold.wait()
    first = await command.start("items", "--json")
    await hold.reached()
    code, out, _ = await command.run("items", "--json")
    first.terminate()
    ended, _ = await first.communicate()
    hold.release()
    assert code == first.returncode == 4
    assert summary(out)["state"] == summary(ended)["state"] == "stopped"
    assert set(summary(out)) == set(summary(ended))
    assert (summary(out)["code"], summary(ended)["code"]) == ("already-running", "stopped")
    assert (summary(out)["failed"], summary(out)["dropped"]) == (0, 0)


async def test_requests_are_printed_only_where_they_are_wanted(command: Command) -> None:
    _, out, err = await command.run("--log", "simple")
    assert out == b""
    assert err.count(b"GET /rest/V1/products") == len(command.store.asked)
    assert b"CANARY" not in err


async def test_a_recording_can_be_opened(command: Command) -> None:
    assert (await command.run("--record", str(command.folder / "run.log")))[0] == 0
    lines = (command.folder / "run.log").read_bytes().splitlines()
    assert len(lines) >= len(command.store.asked)
    assert b"CANARY" not in b"".join(lines)


def _kept_texts(lines: bytes) -> list[str]:
    """What a recording holds of the pages with items, one text for each."""
    bodies = [json.loads(line)["body"] for line in lines.splitlines()]
    return [body.get("text", "") for body in bodies if body["size"] > 300]


def _history(command: Command) -> bytes:
    [file] = Path(command.environment["XDG_STATE_HOME"]).rglob("history/*/*.jsonl")
    return file.read_bytes()


async def test_whoever_keeps_the_bodies_of_a_run_gets_those_of_all_pages(command: Command) -> None:
    command.change("page-size = 10", "page-size = 5")
    command.change("[incoming.items]", '[log]\nhistory = "bodies"\n[incoming.items]')
    assert (await command.run())[0] == 0
    texts = _kept_texts(_history(command))
    assert len(texts) >= 40
    assert all('"items"' in text for text in texts)

    command.change('history = "bodies"', 'history = "off"')
    assert (await command.run("--record", str(command.folder / "run.log"), "--full"))[0] == 0
    texts = _kept_texts((command.folder / "run.log").read_bytes())
    assert len(texts) >= 40
    assert all('"items"' in text for text in texts)


async def test_a_run_that_is_printed_in_full_shows_the_bodies_of_all_pages(command: Command) -> None:
    command.change("page-size = 10", "page-size = 5")
    _, _, err = await command.run("--log", "full")
    assert err.count(b'"total_count"') >= 40


def test_a_run_loads_no_screens() -> None:
    import subprocess

    script = "import sys\nimport tui_connector.cli.run, tui_connector.incoming.run\nassert 'textual' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_run_loads_nothing_that_explains_refusals_before_there_is_one() -> None:
    import subprocess

    script = (
        "import sys\nimport tui_connector.cli.run, tui_connector.incoming.run, tui_connector.guide.workbench\n"
        "import tui_connector.guide.checks.run_findings\n"
        "print(*(name for name in sys.modules if 'diagnosis' in name or name.endswith('checks.check')))"
    )
    ran = subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True, text=True)
    assert ran.stdout.strip() == ""
