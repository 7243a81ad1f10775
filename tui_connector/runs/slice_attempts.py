"""Records how far a slice is while it runs, so that every machine sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
from typing import Protocol

from ..errors import UserError
from ..machine import Machine
from ..secrets.named_values import mask_message
from ..units import timestamp
from .progress import Progress, Summary
from .slices import Attempt, SliceError, SliceStore

log = logging.getLogger(__name__)

SEEN_EVERY = 2.0
"""Seconds between two signs of life."""
SILENT_AFTER = 30.0
"""Seconds without a sign of life after which a slice no longer counts as running."""


class SliceJob(Protocol):
    """What reads or sends a slice."""

    @property
    def progress(self) -> Progress: ...

    async def execute(self) -> Summary: ...


async def recorded(store: SliceStore, index: int, job: SliceJob, machine: Machine) -> Summary:
    """Runs a slice, and records its attempt. Raises what the slice raises."""
    began = timestamp(machine.now())
    attempt = Attempt(
        slice=index, state="running", machine=platform.node(), process=os.getpid(), began=began, seen=began
    )

    async def record(**changes: object) -> None:
        changed = attempt.model_copy(update={"seen": timestamp(machine.now()), **changes})
        try:
            await asyncio.to_thread(store.record, changed)
        except SliceError as error:  # the slice itself ends with an error if what is shared is gone
            log.warning("the progress of slice %d cannot be recorded: %s", index, error)

    async def live() -> None:
        while True:
            found = job.progress
            await record(items=found.items, failed=found.failed, requests=found.requests, seconds=found.seconds)
            await machine.sleep(SEEN_EVERY)

    living = asyncio.create_task(live())

    async def quiet() -> None:
        living.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await living

    try:
        summary = await job.execute()
    except UserError as error:
        await quiet()
        await record(state="failed", code=error.code, reason=mask_message(str(error)))
        raise
    finally:
        await quiet()
    done = summary.state == "complete"
    await record(
        state="done" if done else "failed",
        items=summary.received or summary.items,
        failed=summary.failed,
        requests=summary.requests,
        seconds=summary.seconds,
        code=summary.code if not done else "",
        reason=mask_message(summary.reason or f"It ended as {summary.state}") if not done else "",
    )
    return summary
