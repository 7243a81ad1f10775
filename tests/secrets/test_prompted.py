"""A secret that is asked for is asked for by its own name, once, and for one place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from grants import read
from profiles import profile
from user_errors import user_error

from tui_connector.machine import Machine, NoPrompt
from tui_connector.secrets.mask import Mask
from tui_connector.secrets.vault import Vault


class ScriptedUser(NoPrompt):
    """A user who answers with the question's own number."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    async def secret(self, label: str) -> str:
        self.questions.append(label)
        response = f"CANARY-{len(self.questions)}"
        await asyncio.sleep(0)  # others may ask meanwhile
        return response

    async def allow(self, question: str) -> bool:
        return False


class Answers(NoPrompt):
    """A user who types nothing, or nobody at all."""

    def __init__(self, response: str | None) -> None:
        self._answer = response

    async def secret(self, label: str) -> str | None:
        return self._answer

    async def allow(self, question: str) -> bool:
        return False


@pytest.mark.parametrize(
    ("response", "words"), [("", "nothing was typed"), (None, "a prompt is needed, but there is no terminal")]
)
async def test_empty_input_differs_from_no_terminal(machine: Machine, response: str | None, words: str) -> None:
    saved = profile("https://shop.example/rest/V1", {"kind": "bearer", "token": {"ask": True}})
    vault = Vault(replace(machine, prompt=Answers(response)), Mask())
    (token,) = saved.secrets()
    with user_error("secret-missing", match=words):
        await read(vault, token.source, "https://shop.example")


async def test_each_of_four_tokens_has_a_question_of_its_own(machine: Machine) -> None:
    names = ("consumer-key", "consumer-secret", "access-token", "access-token-secret")
    saved = profile("https://shop.example/rest/V1", {"kind": "oauth1", **{name: {"ask": True} for name in names}})
    user = ScriptedUser()
    vault = Vault(replace(machine, prompt=user), Mask())
    sources = [each.source for each in saved.secrets()]
    origin = "https://shop.example"
    responses = await asyncio.gather(*(read(vault, source, origin) for source in sources * 3))
    titles = ("Consumer key", "Consumer secret", "Access token", "Access token secret")
    assert user.questions == [
        f"a/{name} ({title} of authentication a) for {origin}" for name, title in zip(names, titles, strict=True)
    ]
    assert responses == [f"CANARY-{n}" for n in (1, 2, 3, 4)] * 3
    assert await read(vault, sources[0], "https://www.shop.example") == "CANARY-5"  # another place: asked again
