"""Child lists: a list is read for each item of another incoming, in order, all of them or with a reason."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from child_lists import CommentRuns, json_reply, order, profile_data, store_with
from http_server import reply
from runs import RunNotes

from tui_connector.incoming.run import Run
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.progress import Progress, Summary

COUNTS = {number: number % 4 for number in range(1, 120)}
PAGES = {"kind": "page-number", "parameter": "page", "size-parameter": "size", "page-size": 2}
NUMBERS = {"kind": "search-criteria", "order": "entity_id", "page-size": 10}


def expected(counts: dict[int, int]) -> list[tuple[int, int]]:
    """The order and the id of each comment, in order."""
    return [(number, number * 100 + index) for number, count in sorted(counts.items()) for index in range(count)]


def found(runs: CommentRuns) -> list[tuple[int, int]]:
    return [(item["order_id"], item["id"]) for item in runs.items()]


@pytest.mark.parametrize("pagination", [None, PAGES], ids=["whole", "in-pages"])
@pytest.mark.parametrize("parents", [{}, {"pagination": NUMBERS}, {"pagination": None}], ids=["keyset", "page", "one"])
async def test_the_lists_of_all_parents_are_read_in_order(
    tmp_path: Path, machine: Machine, parents: dict[str, Any], pagination: dict[str, Any] | None
) -> None:
    async with store_with(COUNTS) as store:
        runs = CommentRuns(store, tmp_path, machine, {"pagination": pagination}, parents)
        summary = await runs.run()
    assert (summary.state, summary.failed) == ("complete", 0)
    assert found(runs) == expected(COUNTS)
    assert summary.parents == summary.parents_expected == len(COUNTS)
    assert list(runs.items()[0]) == ["order_id", "id", "comment"]


async def test_several_lists_are_requested_at_once_and_never_more_than_allowed(
    tmp_path: Path, machine: Machine
) -> None:
    async def slowly(path: str) -> None:
        await asyncio.sleep(0.01)

    async with store_with(COUNTS, before=slowly) as store:
        runs = CommentRuns(store, tmp_path, machine)
        await runs.run(RunOptions(in_flight=3))
    assert store.most_in_flight == 3
    assert found(runs) == expected(COUNTS)


async def test_bare_lists_and_items_that_are_no_objects(tmp_path: Path, machine: Machine) -> None:
    async with store_with({1: 2, 2: 0, 3: 0}, bare=True) as store:
        store.comments[3] = ["a", 5]
        runs = CommentRuns(store, tmp_path, machine, {"items": "@", "identifier": None})
        assert (await runs.run()).state == "complete"
    assert runs.items()[1:] == [
        {"order_id": 1, "id": 101, "comment": "Comment 1"},
        {"order_id": 3, "value": "a"},
        {"order_id": 3, "value": 5},
    ]


async def test_a_field_that_no_parent_has_is_a_warning(tmp_path: Path, machine: Machine) -> None:
    async with store_with({1: 2, 2: 1, 3: 1}) as store:
        parent = {"incoming": "orders", "fields": {"order_id": "entityid", "number": "increment_id"}}
        summary = await CommentRuns(store, tmp_path, machine, {"parent": parent}).run(told=(told := RunNotes()))
        assert summary.state == "complete"
        words = "'order_id' is null for all 3 parents: they have no field 'entityid'. Correct parent.fields: did you"
        assert last_warning(summary, told).startswith(words)
        summary = await CommentRuns(store, tmp_path, machine, {}, {"filter": "statuss == 'x'"}).run(told=told)
        words = "orders: The filter drops all 3 items: they have no field 'statuss'"
        assert last_warning(summary, told).startswith(words)


def last_warning(summary: Summary, told: RunNotes) -> str:
    """At the end of the run, or during it if nothing has changed since."""
    return [*(text for _, text in told.warnings), *(each.text for each in summary.warnings)][-1]


async def test_values_of_the_parent_are_escaped_in_the_path(tmp_path: Path, machine: Machine) -> None:
    async with store_with({7: 1}) as store:
        store.bend = lambda path: json_reply({"items": [{"id": 1}], "total_count": 1}) if "1/7" in path else None
        child = {"request": {"uri": "orders/&{increment_id}/comments"}}
        assert (await CommentRuns(store, tmp_path, machine, child).run()).items == 1
        assert any(b"/orders/1%2F7/comments" in each.head for each in store.server.received)


async def test_the_filter_of_the_parent_selects_the_parents(tmp_path: Path, machine: Machine) -> None:
    async with store_with(COUNTS) as store:
        runs = CommentRuns(store, tmp_path, machine, parent={"filter": "entity_id > `100`"})
        assert (await runs.run()).state == "complete"
        assert set(store.lists_requested()) == set(range(101, 120))
    assert found(runs) == expected({number: each for number, each in COUNTS.items() if number > 100})


async def test_a_parent_whose_list_is_refused_fails_and_the_others_are_read(tmp_path: Path, machine: Machine) -> None:
    counts = dict.fromkeys(range(1, 31), 2)
    async with store_with(counts) as store:
        del store.comments[3], store.orders[8]["entity_id"]
        store.orders[8]["increment_id"] = "none"
        store.bend = lambda path: reply("403 Forbidden", b'{"message": "No"}') if path == "orders/5/comments" else None
        runs, told = CommentRuns(store, tmp_path, machine, parent={"pagination": None}), RunNotes()
        summary = await runs.run(told=told)
    assert (summary.state, summary.failed) == ("complete", 3)
    assert found(runs) == expected({number: 2 for number in counts if number not in (3, 5, 8)})
    assert [each.record for each in told.records] == [
        "the list of item 3 of orders (entity_id 3)",
        "the list of item 5 of orders (entity_id 5)",
        "the list of item 8 of orders",
    ]
    assert "No such order" in told.records[0].message
    assert "entity_id" in told.records[2].message
    assert runs.failures() == told.records


async def test_a_request_that_is_wrong_for_all_parents_stops_the_run_early(tmp_path: Path, machine: Machine) -> None:
    async with store_with(dict.fromkeys(range(1, 300), 1)) as store:
        store.comments.clear()
        runs = CommentRuns(store, tmp_path, machine)
        summary = await runs.run()
        assert len(store.lists_requested()) < 100
    assert summary.state == "failed"
    assert "orders all failed: " in summary.reason
    assert "No such order" in summary.reason
    assert runs.path.read_bytes() == b""


async def test_a_list_at_which_the_store_always_fails_is_skipped_while_others_work(
    tmp_path: Path, impatient: Machine
) -> None:
    async with store_with(dict.fromkeys(range(1, 20), 1)) as store:
        store.bend = lambda path: reply("500 Oops", b"{}") if path == "orders/1/comments" else None
        runs, told = CommentRuns(store, tmp_path, impatient), RunNotes()
        summary = await runs.run(told=told)
        assert store.lists_requested().count(1) >= 3
    assert (summary.state, summary.failed, summary.items) == ("complete", 1, 18)
    assert told.records[0].record == "the list of item 1 of orders (entity_id 1)"


async def test_a_store_that_is_down_for_a_while_costs_no_list(tmp_path: Path, impatient: Machine) -> None:
    async with store_with(COUNTS) as store:
        up_at: float | None = None

        def bend(path: str) -> bytes | None:
            nonlocal up_at
            if len(store.paths) <= 40:
                return None
            up_at = impatient.monotonic() + 60 if up_at is None else up_at  # in time, as the run's patience counts
            return reply("503 Maintenance", b"{}") if impatient.monotonic() < up_at else None

        store.bend = bend
        runs = CommentRuns(store, tmp_path, impatient)
        summary = await runs.run()
        assert summary.state == "complete", summary
    assert summary.seconds >= 60
    assert found(runs) == expected(COUNTS)


@pytest.mark.parametrize("response", [None, reply("503 Maintenance", b"{}")], ids=["cut", "maintenance"])
async def test_queued_requests_wait_while_the_store_is_down(
    tmp_path: Path, impatient: Machine, response: bytes | None
) -> None:
    async with store_with(COUNTS) as store:
        began, up_at, refused = list[float](), 60.0, list[str]()

        def bend(path: str) -> bytes | None:
            if len(store.paths) <= 40:
                return None
            began.append(impatient.monotonic())
            if began[-1] - began[0] > up_at:
                return None
            refused.append(path)
            if response is None:
                raise ConnectionResetError
            return response

        store.bend = bend
        runs = CommentRuns(store, tmp_path, impatient)
        assert (await runs.run(RunOptions(in_flight=2))).state == "complete"
    probes = 6  # after 1, 2, 4, 8, 16 and 30 s
    assert len(refused) <= 2 + 2 * probes, refused
    assert found(runs) == expected(COUNTS)


async def test_a_refused_token_stops_the_run_and_the_next_one_resumes(tmp_path: Path, machine: Machine) -> None:
    async with store_with(COUNTS) as store:
        store.bend = lambda path: (
            reply("401 No", b'{"message": "No"}') if len(store.paths) > 40 and "comments" in path else None
        )
        runs = CommentRuns(store, tmp_path, machine)
        assert (await runs.run()).state == "refused"
        store.bend = lambda path: None
        runs.others = {"sales": profile_data(store.url, {}, {})["incoming"]["orders"]}
        runs.child = {"parent": {"incoming": "sales", "fields": {"order_id": "entity_id"}}}  # it has been renamed
        assert (await runs.run(told=(told := RunNotes()))).state == "complete"
    assert told.notes[0].startswith("Resuming")
    assert found(runs) == expected(COUNTS)


@pytest.mark.parametrize("which", ["a child", "the parents"])
async def test_it_is_not_complete_if_a_list_is_not(tmp_path: Path, machine: Machine, which: str) -> None:
    async with store_with(dict.fromkeys(range(1, 8), 2), parents_bare=True) as store:
        path = "orders/4/comments" if which == "a child" else "orders"
        items = [{"id": 9}] if which == "a child" else [order(4)]
        store.bend = lambda asked: json_reply({"items": items, "total_count": 3}) if asked == path else None
        items_at = "@" if which == "a child" else "items"
        runs = CommentRuns(store, tmp_path, machine, parent={"pagination": None, "items": items_at})
        summary = await runs.run()
    assert summary.state == "incomplete"
    assert "counts 3 items and sent 1" in summary.reason
    assert ("item 4 of orders" if which == "a child" else "orders:") in summary.reason


async def test_a_field_that_the_items_have_already_is_not_replaced(tmp_path: Path, machine: Machine) -> None:
    async with store_with({1: 1}) as store:
        child = {"parent": {"incoming": "orders", "fields": {"comment": "entity_id"}}}
        runs, told = CommentRuns(store, tmp_path, machine, child), RunNotes()
        assert (await runs.run(told=told)).failed == 1
    assert "already has the field 'comment'" in told.records[0].message


@pytest.mark.parametrize("pagination", [None, PAGES], ids=["whole", "in-pages"])
@pytest.mark.parametrize("parents", [{}, {"pagination": NUMBERS}, {"pagination": None}], ids=["keyset", "page", "one"])
async def test_runs_that_stop_anywhere_end_as_one_that_was_left_alone(
    tmp_path: Path, machine: Machine, parents: dict[str, Any], pagination: dict[str, Any] | None
) -> None:
    """Stopped after a random number of requests or items; the file in the end is that of one run, byte for byte."""
    chance = random.Random(f"{parents}{pagination}")
    counts = {number: chance.choice([0, 0, 1, 3, 7]) for number in range(1, 36)}
    async with store_with(counts) as store:
        whole = CommentRuns(store, tmp_path / "whole", machine, {"pagination": pagination}, parents)
        parts = CommentRuns(store, tmp_path / "parts", machine, {"pagination": pagination}, parents)
        for each in (whole, parts):
            each.directory.mkdir()
        await whole.run()
        for _ in range(200):
            if chance.random() < 0.5:
                summary = await parts.run(RunOptions(limit=chance.randint(5, 40)))
            else:
                summary = await _stopped_after(parts, len(store.paths) + chance.randint(5, 40))
            if summary.state == "complete":
                break
        assert summary.state == "complete"
    assert summary.parents == len(counts)
    assert parts.path.read_bytes() == whole.path.read_bytes()


async def _stopped_after(runs: CommentRuns, requests: int) -> Any:
    """A run that is stopped once the store has received so many requests."""
    current: list[Run] = []

    async def stop(path: str) -> None:
        if len(runs.store.paths) >= requests and current:
            current[0].stop("Enough")

    runs.store.before = stop
    try:
        return await runs.run(on_run=current.append)
    finally:
        runs.store.before = None


async def test_progress_counts_parents(tmp_path: Path, machine: Machine) -> None:
    seen: list[tuple[int | None, int | None]] = []

    def at(progress: Progress) -> None:
        seen.append((progress.parents, progress.parents_expected))

    async with store_with(COUNTS) as store:
        await CommentRuns(store, tmp_path, machine).run(told=RunNotes(at))
    assert seen == sorted(seen)
    assert seen[-1] == (len(COUNTS), len(COUNTS))


async def test_only_the_lists_of_changed_parents_are_read_again(tmp_path: Path, timeless: Machine) -> None:
    incremental = {"field": "updated_at", "overlap": "1s"}
    async with store_with(dict.fromkeys(range(1, 30), 1)) as store:
        runs = CommentRuns(store, tmp_path, timeless, {"incremental": incremental})
        for number, each in store.orders.items():
            each["updated_at"] = f"2026-11-01 00:00:{number:02}"
        assert (await runs.run()).items == 29
        store.orders[7]["updated_at"] = "2026-11-20 00:00:00"
        store.comments[7].append({"id": 799, "comment": "New"})
        store.paths.clear()
        assert (await runs.run()).state == "complete"
        assert sorted(store.lists_requested()) == [7, 28, 29]
    assert found(runs)[29:] == [(7, 700), (7, 799)]


@pytest.mark.parametrize("empty", ["parents", "lists"])
async def test_lists_that_are_suddenly_empty_do_not_empty_the_output(
    tmp_path: Path, impatient: Machine, empty: str
) -> None:
    async with store_with(dict.fromkeys(range(1, 5), 2)) as store:
        runs = CommentRuns(store, tmp_path, impatient)
        await runs.run()
        before = runs.path.read_bytes()
        store.bend = lambda path: (
            json_reply({"items": [], "total_count": 0}) if (path == "orders") == (empty == "parents") else None
        )
        summary = await runs.run()
        assert (summary.state, summary.code) == ("stopped", "empty-list")
        assert "the last complete run read 8 items" in summary.reason
        assert runs.path.read_bytes() == before
        store.bend = lambda path: None
        assert (await runs.run()).state == "complete"
    assert runs.path.read_bytes() == before


async def test_children_have_children(tmp_path: Path, machine: Machine) -> None:
    """Stopped at every few items: the position is one in the comments of a reply's order."""
    async with store_with({number: number % 3 for number in range(1, 20)}, bare=True) as store:
        store.bend = lambda path: (
            json_reply([{"text": f"{path} {index}"} for index in range(3)]) if path.startswith("replies") else None
        )
        reply_list = {
            "parent": {"incoming": "middle", "fields": {"order": "order_id", "comment": "id"}},
            "request": {"uri": "replies/&{id}/to/&{order_id}"},
            "items": "@",
            "identifier": None,
        }
        runs = CommentRuns(store, tmp_path, machine, reply_list)
        runs.others = {
            "middle": {
                "client": "shop",
                "parent": {"incoming": "orders", "fields": {"order_id": "entity_id"}},
                "request": {"uri": "orders/&{entity_id}/comments"},
            }
        }
        for _ in range(60):
            summary = await runs.run(RunOptions(limit=7))
            if summary.state == "complete":
                break
    assert summary.state == "complete"
    assert [(item["order"], item["comment"], item["text"]) for item in runs.items()] == [
        (number, comment, f"replies/{comment}/to/{number} {index}")
        for number, comment in expected({number: number % 3 for number in range(1, 20)})
        for index in range(3)
    ]


async def test_only_changed_items_are_written_by_content(tmp_path: Path, machine: Machine) -> None:
    async with store_with(dict.fromkeys(range(1, 30), 1)) as store:
        runs = CommentRuns(store, tmp_path, machine, {"incremental": {"content": True}})
        await runs.run()
        store.comments[7].append({"id": 799, "comment": "New"})
        summary = await runs.run()
    assert (summary.state, summary.items, summary.dropped) == ("complete", 1, 29)
    assert found(runs)[29:] == [(7, 799)]
