"""`run` with outgoing configurations, and `tasks`: headless, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import fork_server
import pytest
from http_server import Hold, reply
from listing import listing, products
from run_command import summary
from sending import Sent, Store, storing

PROFILE = """
format = 1
name = "Acme store"
[clients.shop]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[outgoing.stock]
client = "shop"
source = { kind = "csv", path = "stock.csv", columns = { quantity = "number" } }
identifier = "sku"
batch = 2
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
[outgoing.typed]
client = "shop"
source = { kind = "stdin" }
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
"""


class Sender:
    """The program, with a profile that has outgoing configurations."""

    def __init__(self, folder: Path, environment: dict[str, str], store: Store) -> None:
        self.folder, self.environment, self.store = folder, environment, store
        self.profile = folder / "shop.toml"
        self.profile.write_text(PROFILE.replace("URL", store.server.url))
        self.write("sku,quantity", "A,1", "B,2.5", "C,3")

    def write(self, *lines: str) -> None:
        (self.folder / "stock.csv").write_text("\n".join(lines) + "\n")

    async def __call__(self, command: str, *words: str, stdin: bytes = b"", **more: Any) -> tuple[int, str, str]:
        process = await self.start(command, *words, stdin=stdin, **more)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def start(self, command: str, *words: str, stdin: bytes = b"", **more: Any) -> fork_server.AsyncProcess:
        trust = ["--trust"] if command == "run" else []
        pipe, given = asyncio.subprocess.PIPE, self.folder / "stdin"
        given.write_bytes(stdin)
        with given.open("rb") as file:
            streams: dict[str, Any] = {"stdin": file.fileno(), "stdout": pipe, "stderr": pipe, **more}
            return await fork_server.start(command, *trust, self.profile, *words, env=self.environment, **streams)


@pytest.fixture
async def sender(tmp_path: Path, clean_environment: dict[str, str]) -> AsyncIterator[Sender]:
    async with storing() as store:
        yield Sender(tmp_path, clean_environment, store)


def refusing(*skus: str) -> Any:
    def answer(sent: Sent) -> bytes:
        if any(row["sku"] in skus for row in sent.rows):
            return reply("400 Bad Request", b'{"message": "Could not save Source Item"}')
        return reply("200 OK", b"[]")

    return answer


async def test_an_outgoing_is_sent_and_summed_up(sender: Sender) -> None:
    code, out, err = await sender("run", "stock", "--json")
    assert (code, err) == (0, "")
    last = summary(out.encode())
    assert {name: number for name, number in last["tasks"].items() if number} == {"finished": 3}
    assert (last["name"], last["state"], last["requests"], last["retries"]) == ("stock", "complete", 2, 0)
    assert [sent.rows for sent in sender.store.sent] == [
        [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 2.5}],
        [{"sku": "C", "quantity": 3}],
    ]
    notes = [json.loads(line)["text"] for line in out.splitlines() if '"note"' in line]
    assert notes == ["stock.csv: delimiter ',', decimal point, columns sku, quantity."]


async def test_a_quiet_run_prints_only_what_went_wrong(sender: Sender) -> None:
    assert await sender("run", "stock", "--quiet") == (0, "", "")
    sender.store.answer = refusing("B")
    code, out, err = await sender("run", "stock", "--quiet", "--limit", "2")
    assert (code, out) == (1, "")
    assert [line.partition(":")[2][:15] for line in err.splitlines()] == [" line 3 (B) fai"]
    sender.write("sku,quantity", "D,1")
    code, out, err = await sender("run", "stock", "--quiet")
    assert (code, out) == (0, "")
    assert [line.partition(".")[0] for line in err.splitlines()] == [
        "stock: Starting a new run: the source has changed"
    ], "what was left of the former run is not lost silently"


async def test_nothing_is_sent_unless_it_is_named(sender: Sender) -> None:
    code, _, err = await sender("run")
    assert code == 2
    assert "Name what to send: stock, typed" in err
    assert sender.store.sent == []


async def test_a_dry_run_prints_the_first_requests_and_sends_none(sender: Sender) -> None:
    code, out, _ = await sender("run", "stock", "--dry-run")
    assert code == 0
    assert "stock: the first requests for csv stock.csv (not sent)" in out
    assert "POST" in out
    assert "/rest/all/V1/rows" in out
    assert '{"rows": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 2.5}]}' in out
    assert sender.store.sent == []
    assert (await sender("tasks", "stock"))[0] == 2, "a dry run leaves no ledger behind"


async def test_a_dry_run_reports_what_the_run_would_refuse_and_prints_no_secret(sender: Sender) -> None:
    text = sender.profile.read_text().replace("[clients.shop]", '[clients.shop]\nauthentications = ["a"]', 1)
    sender.profile.write_text(f'{text}[authentications.a]\nkind = "bearer"\ntoken = {{ env = "SHOP_TOKEN" }}\n')
    sender.environment = {**sender.environment, "SHOP_TOKEN": "CANARY0123456789abcdef0123456789"}
    sender.write("sku,quantity", "A,1", "CANARY0123456789abcdef0123456789,2", ",3", "D,4")
    code, out, err = await sender("run", "stock", "--dry-run")
    (sender.folder / "stock.csv").unlink()  # the user's own file contains the secret
    assert code == 1
    assert '{"rows": [{"sku": "A", "quantity": 1}, {"sku": "D", "quantity": 4}]}' in out
    assert "line 3: The entity contains a secret of this profile" in err
    assert "line 4: The entity has no 'sku', which identifies it" in err
    assert "CANARY" not in out + err


async def test_a_failed_task_is_shown_retried_and_finished(sender: Sender) -> None:
    sender.store.answer = refusing("B")
    code, out, err = await sender("run", "stock")
    assert (code, out) == (1, "")
    assert "line 3 (B) failed: The store responded with 400 (Could not save Source Item)" in err
    assert re.fullmatch(r"stock: 2 finished, 1 failed in \d+ s \(4 requests\)", err.splitlines()[-1])

    code, out, err = await sender("tasks", "stock", "list", "--json")
    assert err == ""
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    assert [(each["line"], each["identifier"], each["state"]) for each in found] == [
        (2, "A", "finished"),
        (3, "B", "failed"),
        (4, "C", "finished"),
    ]
    assert list(found[1]) == ["line", "identifier", "state", "attempts", "reason", "code"]
    assert found[1]["code"] == "status-400"

    _, out, _ = await sender("tasks", "stock")
    assert "2 finished · 1 failed" in out
    assert "complete" not in out
    assert "1 failed: The store responded with 400 (Could not save Source Item) (status-400)" in out
    _, out, _ = await sender("tasks", "stock", "show", "3")
    assert json.loads(out)["entity"] == {"sku": "B", "quantity": 2.5}
    assert "Could not save" in json.loads(out)["responses"][""]["body"]
    assert (await sender("tasks", "stock", "export"))[1] == '{"sku": "B", "quantity": 2.5}\n'

    code, out, err = await sender("run", "stock", "--full", "--json")
    assert (code, summary(out.encode())["state"]) == (1, "ended"), "not complete, as a task has failed"

    sender.store.answer = refusing()
    sender.store.sent.clear()
    assert "1 task will be sent again" in (await sender("tasks", "stock", "retry"))[1]
    sender.write("sku,quantity", "other,1")
    code, _, err = await sender("run", "stock")
    assert code == 0, err
    assert sender.store.skus() == ["B"]
    assert "3 finished" in (await sender("tasks", "stock"))[1]
    code, out, err = await sender("tasks", "stock", "export", "--out", "failed.jsonl")
    assert (code, out, err) == (0, "", "Nothing to export: run 2 has no failed tasks.\n")


async def test_a_message_of_the_store_cannot_pretend_to_be_another_line(sender: Sender) -> None:
    message = json.dumps({"message": "Refused\nstock: 3 finished in 0 s, complete (2 requests)"}).encode()
    sender.store.answer = lambda sent: reply("400 Bad Request", message)
    code, _, err = await sender("run", "stock")
    assert code == 1
    assert [line for line in err.splitlines() if "complete" in line and not line.startswith("stock: line ")] == []
    assert sum(line.startswith("stock: line ") for line in err.splitlines()) == 3
    _, out, _ = await sender("tasks", "stock")
    assert [line for line in out.splitlines() if line.startswith("stock: 3 finished")] == []


async def test_a_source_without_entities_is_reported(sender: Sender) -> None:
    for lines in (["sku,quantity"], []):
        sender.write(*lines)
        code, _, err = await sender("run", "stock")
        assert code == 0
        assert "stock: The source contains no entities. Nothing was sent." in err.splitlines()
    assert sender.store.sent == []


async def test_tasks_can_be_skipped_and_then_are_not_sent(sender: Sender) -> None:
    sender.store.answer = refusing("B", "C")
    assert (await sender("run", "stock"))[0] == 1
    assert (await sender("tasks", "stock", "skip"))[0] == 2
    assert "1 task skipped" in (await sender("tasks", "stock", "skip", "4"))[1]
    assert "1 finished · 1 failed · 1 skipped" in (await sender("tasks", "stock"))[1]
    for action in ("retry", "skip"):
        code, out, err = await sender("tasks", "stock", action, "4", "99")
        assert (code, out) == (2, "")
        assert "The run has no task of line 99. Nothing was changed." in err
    assert "1 finished · 1 failed · 1 skipped" in (await sender("tasks", "stock"))[1]


async def test_a_request_that_is_wrong_for_every_entity_stops_the_run(sender: Sender) -> None:
    skus = [f"S{number}" for number in range(200)]
    sender.write("sku,quantity", *(f"{sku},1" for sku in skus))
    sender.store.answer = refusing(*skus)
    code, out, err = await sender("run", "stock")
    assert (code, out) == (2, "")
    assert "tasks have all failed for the same reason: The store responded with 400 (Could not save Source Item)" in err
    assert re.search(r"stock: \d+ new, \d\d failed in \d+ s, failed", err)
    assert (await sender("run", "stock", "--keep-going"))[0] == 1
    assert "200 failed" in (await sender("tasks", "stock"))[1]
    assert (await sender("run", "--keep-going"))[0] == 2


async def test_a_limit_stops_and_the_next_run_resumes(sender: Sender) -> None:
    assert (await sender("run", "stock", "--limit", "1"))[0] == 0
    assert sender.store.skus() == ["A"]
    code, _, err = await sender("run", "stock")
    assert code == 0
    assert "1 of 3 tasks are done" in err
    assert sender.store.skus() == ["A", "B", "C"]


async def test_the_tasks_of_a_renamed_profile_are_not_left_behind(sender: Sender) -> None:
    sender.store.answer = refusing("B")
    assert (await sender("run", "stock", "--limit", "2"))[0] == 1
    former = sender.profile
    sender.profile = former.rename(sender.folder / "renamed.toml")
    code, _, err = await sender("tasks", "stock")
    assert code == 2
    assert f"There are tasks of stock of {former}, a profile that no longer exists: was it renamed?" in err

    text = sender.profile.read_text()
    sender.profile.write_text(text.replace('uri = "rows"', 'uri = "others"'))
    sender.profile = sender.profile.rename(sender.folder / "changed.toml")
    sender.store.sent.clear()
    code, _, err = await sender("run", "stock")
    assert f"In the last run of {former}, which no longer exists, 1 task was not finished" in err
    assert {sent.path for sent in sender.store.sent} == {"others"}
    assert set(sender.store.skus()) == {"A", "B", "C"}, "a different configuration starts over"

    sender.store.sent.clear()
    sender.profile = sender.folder / "renamed.toml"
    sender.profile.write_text(text)
    code, _, err = await sender("run", "stock")
    assert code == 1
    assert f"Continuing with the tasks of {former}, which no longer exists" in err
    assert sender.store.skus() == ["C"]
    assert "2 finished · 1 failed" in (await sender("tasks", "stock"))[1]


async def test_the_tasks_of_a_profile_that_the_program_renamed_stay_with_it(sender: Sender) -> None:
    """It moves the directory of the ledgers along; no other profile with the same configuration takes them."""
    assert (await sender("run", "stock", "--limit", "2"))[0] == 0
    [ledgers] = sender.folder.rglob("outgoing/shop-*")
    ledgers.rename(ledgers.with_name("renamed-0123456789ab"))
    sender.profile = sender.profile.rename(sender.folder / "other.toml")
    sender.store.sent.clear()
    code, _, err = await sender("run", "stock")
    assert (code, "no longer exists" in err) == (0, False)
    assert sorted(sender.store.skus()) == ["A", "B", "C"]


async def test_a_changed_source_starts_a_new_run_and_says_so(sender: Sender) -> None:
    assert (await sender("run", "stock", "--limit", "1"))[0] == 0
    sender.write("sku,quantity", "D,1")
    code, _, err = await sender("run", "stock")
    assert code == 0
    assert re.search(
        r"Starting a new run: the source has changed\. In the run of [-0-9: ]+, 2 tasks were not sent\.", err
    )
    assert sender.store.skus() == ["A", "D"]


async def test_standard_input_is_a_source(sender: Sender) -> None:
    code, _, err = await sender("run", "typed", stdin=b'{"sku": "A"}\n{"sku": "B"}\n')
    assert code == 0, err
    assert sorted(sender.store.skus()) == ["A", "B"]


async def test_one_ctrl_c_ends_the_wait_for_standard_input(sender: Sender) -> None:
    reading, writing = os.pipe()
    pipe = asyncio.subprocess.PIPE
    try:
        words = ("run", "--trust", sender.profile, "typed", "--json")
        process = await fork_server.start(*words, env=sender.environment, stdin=reading, stdout=pipe, stderr=pipe)
        assert process.stdout is not None
        assert b'"start"' in await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        os.close(reading)
        os.close(writing)
    assert (process.returncode, err) == (4, b"")
    assert "Stopped by SIGINT" in summary(out)["reason"]
    assert sender.store.sent == []


async def test_a_store_in_production_is_sent_to_only_on_purpose(sender: Sender) -> None:
    sender.profile.write_text(sender.profile.read_text().replace("[clients.shop]", "[clients.shop]\nproduction = true"))
    code, _, err = await sender("run", "stock")
    assert code == 2
    assert "stock would be sent to Acme store, which is marked as production" in err
    assert "--yes-production" in err
    code, out, _ = await sender("run", "stock", "--json")
    assert (code, summary(out.encode())["state"]) == (2, "failed")
    assert sender.store.sent == []
    assert (await sender("run", "stock", "--yes-production"))[0] == 0


async def test_a_refusal_stops_the_run_and_the_next_one_resumes(sender: Sender) -> None:
    sender.store.answer = lambda sent: reply("401 Unauthorized", b'{"message": "Not authorized"}')
    code, out, _ = await sender("run", "stock", "--json")
    assert code == 3
    assert summary(out.encode())["state"] == "refused"
    sender.store.answer = refusing()
    sender.store.sent.clear()
    assert (await sender("run", "stock"))[0] == 0
    assert sorted(sender.store.skus()) == ["A", "B", "C"]


async def test_a_second_run_at_once_is_refused(sender: Sender) -> None:
    hold = Hold()

    async def answer(sent: Sent) -> bytes:
        await hold.wait()
        return reply("200 OK", b"[]")

    sender.store.answer = answer
    first = asyncio.create_task(sender("run", "stock"))
    await hold.reached()
    code, _, err = await sender("run", "stock")
    assert code == 4
    assert "stock is already being sent by process" in err
    assert "running" in (await sender("tasks", "stock"))[1]
    hold.release()
    assert (await first)[0] == 0


ROUTE = """
format = 1
name = "Route"
[clients.from]
[[clients.from.plugins]]
kind = "base-uri"
uri = "FROM/rest/V1"
[clients.to]
[[clients.to.plugins]]
kind = "base-uri"
uri = "TO/rest/all/V1"
[incoming.items]
client = "from"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }
[outgoing.copies]
client = "to"
source = { kind = "incoming", name = "items", mapping = "{sku: sku, title: name}" }
identifier = "sku"
batch = 10
request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }
"""


async def test_an_incoming_is_a_source(sender: Sender) -> None:
    async with listing(products(*range(1, 26))) as origin:
        sender.profile.write_text(ROUTE.replace("FROM", origin.url).replace("TO", sender.store.server.url))
        assert (await sender("run", "copies", "--dry-run"))[0] == 2
        assert origin.asked == []
        code, _, err = await sender("run", "copies")
        assert code == 0, err
        assert sender.store.sent[0].rows[0] == {"sku": "S1", "title": "Product 1"}
        assert sorted(sender.store.skus()) == sorted(f"S{number}" for number in range(1, 26))

        other = sender.folder / "other.toml"
        other.write_text(sender.profile.read_text())
        text = sender.profile.read_text().replace(
            'name = "items", mapping', 'name = "items", profile = "PATH", mapping'
        )
        sender.profile.write_text(text.replace("PATH", str(other)).replace("[incoming.items]", "[incoming.unused]"))
        sender.store.sent.clear()
        code, _, err = await sender("run", "copies", "--full")
        assert code == 0, err
        assert len(sender.store.skus()) == 25


async def test_nothing_is_sent_of_an_incoming_that_was_not_read_completely(sender: Sender) -> None:
    async with listing(products(*range(1, 26))) as origin:
        origin.bend = lambda asked, items: reply("401 Unauthorized", b"{}") if asked.after > 5 else None
        sender.profile.write_text(ROUTE.replace("FROM", origin.url).replace("TO", sender.store.server.url))
        code, _, err = await sender("run", "copies")
    assert code == 3
    assert "The incoming items was not read completely, so nothing was sent" in err
    assert sender.store.sent == []


async def test_ctrl_c_waits_for_requests_in_flight_so_that_nothing_is_unknown(sender: Sender) -> None:
    sender.write("sku,quantity", *(f"S{number},1" for number in range(100)))
    go = asyncio.Event()

    async def answer(sent: Sent) -> bytes:
        if len(sender.store.sent) > 5:
            await go.wait()
        return reply("200 OK", b"[]")

    sender.store.answer = answer
    process = await sender.start("run", "stock")
    await sender.store.until(6)
    process.send_signal(signal.SIGINT)
    go.set()
    _, err = await process.communicate()
    assert process.returncode == 4
    assert b"Stopped by SIGINT; the next run resumes from here" in err
    listed = (await sender("tasks", "stock"))[1]
    assert "unknown" not in listed
    assert (await sender("run", "stock"))[0] == 0
    assert sorted(sender.store.skus()) == sorted(f"S{number}" for number in range(100))


async def test_a_full_disk_under_the_ledger_stops_the_run_and_nothing_is_lost(sender: Sender) -> None:
    skus = [f"S{number}" for number in range(1_200)]
    sender.write("sku,quantity", *(f"{sku},1" for sku in skus))
    code, out, _ = await sender("run", "stock", "--json", limit_file=80_000)
    assert code in (2, 4)
    assert "cannot grow: the disk is full" in summary(out.encode())["reason"]
    code, out, _ = await sender("run", "stock", "--json")
    unknown = summary(out.encode())["tasks"].get("unknown", 0)
    assert code == (1 if unknown else 0)
    assert len(set(sender.store.skus())) >= len(skus) - unknown
    assert max(sender.store.times().values()) == 1
