"""Moves a literal secret out of a text that is edited, into the keyring or a variable of this session."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

from textual.app import App

from ...guide.misplaced_secrets import plan_move
from ...guide.secret_sources import SecretPlace
from ...machine import Machine
from ...profile.correction import TextEdit
from ...profile.problems import Problem
from ...secrets.mask import Mask
from ...secrets.vault import Vault
from ...text import listed
from ..widgets.frame import by_itself
from ..widgets.questions import ConfirmScreen


class Moved(NamedTuple):
    """A secret that was stored, and is still in the text."""

    edit: TextEdit
    """Writes its source in its place."""
    where: str
    """Where it is now, such as "into the keyring as …."; a sentence's end."""


async def move_secret(
    app: App[None], machine: Machine, mask: Mask, path: Path, text: str, problem: Problem
) -> Moved | None:
    """Stores the literal secret of a problem in the keyring; it is never written to the file.

    Without a keyring, it becomes the value of an environment variable for this session. None if its user keeps the
    entry that the keyring has. Raises `UserError`.
    """
    vault = Vault(machine, mask, path)
    try:
        keyring = await vault.state(writing=False)
        place = SecretPlace.KEYRING if keyring.usable else SecretPlace.ENVIRONMENT
        move = await asyncio.to_thread(plan_move, text, problem, path, place, machine.environ)
        mask.learn(move.secret, move.source.label)
        if move.source.keyring is None:
            # the text is not finished: which stores it is for may not be known yet, or change
            vault.keep_imported(path, move.source, (), move.secret)
            where = f"into the variable {move.source.env}, for this session only: {keyring.reason}."
            return Moved(move.edit, where)
        entry = move.source.keyring
        before = await vault.origins_of(entry)
        if before is not None:
            of = f", which is for {listed(before)}" if before else ""
            question = f"The keyring already has an entry {entry}{of}. Replace it?"
            if not await app.push_screen_wait(by_itself(ConfirmScreen(question, yes="Replace", no="Keep it"))):
                return None
        await vault.store(entry, move.secret, *move.origins, replace=before is not None)
        return Moved(move.edit, f"into the keyring as {entry}.")
    finally:
        vault.close()
