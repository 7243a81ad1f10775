"""Runs that are killed: what has a response is not sent again, and *unknown* is exactly what was cut off in between."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from http_server import reply
from killed_runs import FilesOfAMoment, stops_at_each_sync
from requirements import require
from sending import OK, Sent, Store, storing
from sending_folder import KILLS, SendingFolder, kill_until_done

_SINGLE = 'request = { method = "post", uri = "rows", parameters = { rows = "&{@}" } }\n'
_CHAIN = """
steps = [
    { name = "find", request = { uri = "found/&{sku}", expected = [404] } },
    { name = "create", when = "steps.find.status == `404`", request = { method = "post", uri = "create", \
parameters = { rows = "&{@}" } } },
    { name = "stock", request = { method = "post", uri = "stock", parameters = { rows = "&{@}" } } },
]
"""


def arrived(store: Store) -> Counter[str]:
    """How often each sku was sent in a request that changes something."""
    return Counter(row["sku"] for sent in store.sent if sent.method == "POST" for row in sent.rows)


async def test_a_run_killed_at_any_fsync_sends_nothing_twice_that_was_answered(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    require("strace")

    async def slowly(sent: Sent) -> bytes:
        await asyncio.sleep(0.02)
        return OK

    skus = [f"S{number}" for number in range(14)]
    async with storing(slowly) as store:
        killed = SendingFolder(tmp_path / "killed", clean_environment)
        killed.write(store, _SINGLE, skus)
        moments: list[tuple[FilesOfAMoment, set[str]]] = []
        syncs = 0
        async for _ in stops_at_each_sync(killed.start):
            syncs += 1
            found = FilesOfAMoment.of(killed.folder, tmp_path / f"sync {syncs}"), set(arrived(store))
            if found not in moments[-1:]:  # of a file and then its folder, the second one changes nothing
                moments.append(found)
        assert killed.states() == dict.fromkeys(skus, "finished")
        assert len(moments) > 8

        some_unknown = 0
        for files, before in moments:
            files.restore()
            then = killed.states()
            if killed.is_complete():
                continue  # the next run sends everything again, on purpose
            sending = {sku for sku, state in then.items() if state == "sending"}
            store.sent.clear()
            store.answer = lambda sent: OK
            code = await (await killed.start()).wait()
            after = killed.states()
            unknown = {sku for sku, state in after.items() if state == "unknown"}
            assert unknown == sending, files.kept
            assert code == (1 if unknown else 0)
            assert {state for sku, state in after.items() if sku not in unknown} <= {"finished"}
            again = set(arrived(store))
            assert not again & before, f"{files.kept}: sent again"
            assert again | before | unknown == set(skus), f"{files.kept}: lost"
            some_unknown += bool(unknown)
    assert some_unknown, "none was killed while it was sending"


@pytest.mark.parametrize("repeatable", [False, True])
async def test_a_run_killed_at_random_moments_accounts_for_every_entity(
    tmp_path: Path, clean_environment: dict[str, str], repeatable: bool
) -> None:
    chance = random.Random(repeatable)
    skus = [f"S{number}" for number in range(250)]

    async def answer(sent: Sent) -> bytes:
        await asyncio.sleep(0.004)
        return OK

    async with storing(answer) as store:
        folder = SendingFolder(tmp_path / "killed", clean_environment)
        folder.write(store, f"repeatable = {json.dumps(repeatable)}\n{_SINGLE}", skus)
        ended = await kill_until_done(folder, store, chance)
        assert ended == (1 if "unknown" in folder.states().values() else 0)
    states, times = folder.states(), arrived(store)
    assert set(states) == set(skus)
    if repeatable:
        assert set(states.values()) == {"finished"}
        assert set(times) == set(skus)
        assert sum(times.values()) <= len(skus) + 4 * KILLS, "only what was in flight was sent twice"
    else:
        assert max(times.values()) == 1
        assert {sku for sku, state in states.items() if state == "finished"} <= set(times)
        assert set(skus) - set(times) <= {sku for sku, state in states.items() if state == "unknown"}


async def test_a_chain_killed_in_the_middle_resumes_at_its_step(
    tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    """No step that was answered is sent again; what may have arrived in a step that changes something is unknown."""
    chance = random.Random(3)
    answered: Counter[tuple[str, str]] = Counter()
    skus = [f"S{number}" for number in range(150)]

    async def answer(sent: Sent) -> bytes:
        await asyncio.sleep(0.003)
        sku = sent.path.rpartition("/")[2] if sent.method == "GET" else sent.rows[0]["sku"]
        answered[sent.path.partition("/")[0], sku] += 1
        known = int(sku[1:]) % 2
        return reply("200 OK" if sent.method == "POST" or known else "404 Not Found", b'{"id": 7}')

    async with storing(answer) as store:
        folder = SendingFolder(tmp_path / "killed", clean_environment)
        folder.write(store, _CHAIN, skus)
        await kill_until_done(folder, store, chance)
        states = folder.states()
    unknown = {sku for sku, state in states.items() if state == "unknown"}
    assert {states[sku] for sku in states if sku not in unknown} == {"finished"}
    for sku in skus:
        assert answered["create", sku] <= 1
        assert answered["stock", sku] <= 1
        if sku not in unknown:
            assert answered["create", sku] == (0 if int(sku[1:]) % 2 else 1)
            assert answered["stock", sku] == 1
    assert sum(answered["found", sku] for sku in skus) <= len(skus) + 4 * (KILLS + 1)
