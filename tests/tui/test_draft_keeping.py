"""The draft that a setup leaves is its last one, whatever was still being written when its program ended."""

from __future__ import annotations

import asyncio
import os
from threading import Event, Thread

import pytest

from tui_connector.guide.drafts import Drafts
from tui_connector.guide.texts import GuideStep
from tui_connector.machine import Machine
from tui_connector.tui.setup.opening import opened
from tui_connector.tui.setup.screen import DraftKeeper

LONG_ENOUGH = 0.5
"""Seconds in which a draft that waits for nothing is written."""


@pytest.fixture
def keeper(machine: Machine) -> DraftKeeper:
    work = opened(machine, None)
    work.setup.edit(("authentications", work.setup.authentication), {"kind": "oauth1"})
    return DraftKeeper(work)


async def test_what_is_kept_at_the_end_stays_when_an_earlier_write_is_slow(
    keeper: DraftKeeper, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, disk_is_back = Event(), Event()
    sync = os.fsync

    def slow(descriptor: int) -> None:
        if not writing.is_set():
            writing.set()
            disk_is_back.wait(30)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    earlier = asyncio.create_task(keeper.keep_soon(GuideStep.BASICS))
    await asyncio.to_thread(writing.wait, 30)
    problems: list[str] = []
    end = Thread(target=lambda: problems.append(keeper.keep(GuideStep.AUTHENTICATION)))
    end.start()
    await asyncio.to_thread(end.join, LONG_ENOUGH)
    disk_is_back.set()
    assert await earlier == ""
    await asyncio.to_thread(end.join, 30)
    assert problems == [""]
    [draft] = Drafts(machine.directories.state).list()
    assert draft.step == GuideStep.AUTHENTICATION


async def test_an_earlier_one_that_had_to_wait_is_not_written_after_the_end(
    keeper: DraftKeeper, machine: Machine
) -> None:
    earlier = [asyncio.create_task(keeper.keep_soon(GuideStep.BASICS)) for _ in range(3)]
    await asyncio.sleep(0)
    assert keeper.keep(GuideStep.AUTHENTICATION) == ""
    await asyncio.gather(*earlier)
    [draft] = Drafts(machine.directories.state).list()
    assert draft.step == GuideStep.AUTHENTICATION
