"""The draft that a setup leaves is its last one, whatever was still being written when its program ended."""

from __future__ import annotations

import asyncio
import os
from threading import Event, Thread

import pytest

from tui_connector.guide.drafts import Drafts
from tui_connector.guide.steps.methods import GuideStep
from tui_connector.machine import Machine
from tui_connector.tui.setup.context import open_context
from tui_connector.tui.setup.draft_writer import DraftWriter

LONG_ENOUGH = 0.5
"""Seconds in which a draft that waits for nothing is written."""


@pytest.fixture
def writer(machine: Machine) -> DraftWriter:
    work = open_context(machine, None)
    work.setup.edit(("authentications", work.setup.authentication), {"kind": "oauth1"})
    return DraftWriter(work)


async def test_slow_earlier_write_does_not_replace_the_final_draft(
    writer: DraftWriter, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, disk_is_back = Event(), Event()
    sync = os.fsync

    def slow(descriptor: int) -> None:
        if not writing.is_set():
            writing.set()
            disk_is_back.wait(30)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    earlier = asyncio.create_task(writer.save_soon(GuideStep.BASICS))
    await asyncio.to_thread(writing.wait, 30)
    problems: list[str] = []
    end = Thread(target=lambda: problems.append(writer.save(GuideStep.AUTHENTICATION)))
    end.start()
    await asyncio.to_thread(end.join, LONG_ENOUGH)
    disk_is_back.set()
    assert await earlier == ""
    await asyncio.to_thread(end.join, 30)
    assert problems == [""]
    [draft] = Drafts(machine.directories.state).list()
    assert draft.step == GuideStep.AUTHENTICATION


async def test_queued_earlier_write_is_skipped_after_the_final_one(writer: DraftWriter, machine: Machine) -> None:
    earlier = [asyncio.create_task(writer.save_soon(GuideStep.BASICS)) for _ in range(3)]
    await asyncio.sleep(0)
    assert writer.save(GuideStep.AUTHENTICATION) == ""
    await asyncio.gather(*earlier)
    [draft] = Drafts(machine.directories.state).list()
    assert draft.step == GuideStep.AUTHENTICATION
