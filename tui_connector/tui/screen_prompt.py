"""Asks the user for what a request needs. The dialogs are imported when the first one opens."""

from __future__ import annotations

from textual.app import App


class ScreenPrompt:
    """Asks by dialogs over the screen (the `Prompt` of the machine)."""

    def __init__(self, app: App[None]) -> None:
        self._app = app

    async def secret(self, label: str) -> str:
        from .dialogs import SecretEntryScreen, answer_of

        return await answer_of(self._app, SecretEntryScreen(f"{label}:")) or ""

    async def missing_secret(self, question: str) -> str:
        from .dialogs import SecretEntryScreen, answer_of

        return await answer_of(self._app, SecretEntryScreen(question)) or ""

    async def another_secret(self, question: str) -> str | None:
        from .dialogs import SecretEntryScreen, answer_of

        return await answer_of(self._app, SecretEntryScreen(question))

    def notify(self, message: str) -> None:
        self._app.notify(message, markup=False, severity="warning")

    async def allow(self, question: str) -> bool:
        from .dialogs import answer_of
        from .widgets.questions import AllowScreen

        response: bool | None = await answer_of(self._app, AllowScreen(question))
        return bool(response)
