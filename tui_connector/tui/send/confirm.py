"""The last question before something is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import App
from textual.content import Content

from ...client.uri import origin_of, public_address
from ...errors import UserError
from ...text import shown
from ..dialogs import EntryScreen
from ..widgets.questions import ConfirmScreen

if TYPE_CHECKING:
    from ...guide.sending.plans import Sender


def confirm_sending(
    app: App[object],
    sender: Sender,
    what: str,
    send: Callable[[], object],
    *,
    details: str = "",
    store: str = "",
    is_undo: bool = False,
) -> None:
    """Asks, and calls `send` if the user agrees. For a store in production its name must be typed.

    `what`: such as "3 entities", or of an undo "run 1"; `details`: the counts by kind; `store`: the address that is
    sent to; without it, the origin is shown.
    """
    verb = "Undo" if is_undo else "Send"
    name = sender.profile.name
    if not store and (base := sender.profile.base_uri(sender.outgoing.client)):
        store = origin_of(base)
    about = ", ".join(shown(each) for each in (sender.profile.environment_label, public_address(store)) if each)
    to = f"{shown(name)} ({about})" if about else shown(name)
    question, more = f"{verb} {shown(what)} {'in' if is_undo else 'to'} {to}", f"\n{shown(details)}" if details else ""
    if not sender.production:

        def answered(yes: bool | None) -> None:
            if yes:
                send()

        app.push_screen(ConfirmScreen(Content(f"{question}?{more}"), title=verb, yes=verb, no="Cancel"), answered)
        return

    async def is_name(text: str) -> bool:
        if text != name.strip():
            raise UserError("not-confirmed", f"{text!r} is not the name of this store; nothing was sent")
        return True

    def typed(confirmed: bool | None) -> None:
        if confirmed:
            send()

    question = f"PRODUCTION. {question}.{more}\nType the store's name to send: {shown(name)}"
    title = f"{verb} to a production store"
    app.push_screen(EntryScreen(Content(question), apply=is_name, title=title, is_danger=True), typed)
