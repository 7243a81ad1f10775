"""Step 3, incoming: what is read from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message

from ...client.message import RequestFailed
from ...guide.check import Tried, try_incoming
from ...guide.page_limit import limit_pages
from ...guide.permissions import May
from ...guide.words import Step
from ...guide.workbench import profile_of
from ...magento.diagnosis import Fix, diagnose_failure
from ...magento.entities import READABLE
from ...transfer.incoming import FirstItems
from .configurations import ConfigurationsPane
from .item_view import Items, ItemScreen


class IncomingPane(ConfigurationsPane):
    """The incoming configurations, and the first items of the one under the cursor."""

    step = Step.INCOMING
    family = "incoming"
    test_label = "First items"
    verb = "read from the store"
    entities = READABLE

    @dataclass
    class Tested(Message):
        """The first items are here, or why not."""

        name: str
        tried: Tried
        items: FirstItems | None

    def outcome(self) -> ComposeResult:
        yield Items(id="items")

    def on_mount(self) -> None:
        super().on_mount()
        self._tested = ""
        """The incoming that was tested last."""
        self.query_one(Items).display = False

    def permitted(self) -> Mapping[str, May]:
        return self.work.permissions.read

    def add(self, entity: str) -> str:
        return self.setup.add_incoming(entity)

    def words_for(self, entity: str) -> str:
        known = READABLE[entity]
        tells = f"{known.identifier} tells items apart. " if known.identifier else ""
        return f"{known.route}: {tells}{known.note}"

    def apply(self, fix: Fix) -> None:
        """The page size that the store allows, for the incoming that it refused."""
        if self._tested in self.setup.incoming:
            limit_pages(self.setup, self._tested, int(fix.value))
            self.draw()
            self.choose(self._tested)
            self.post_message(self.Changed())
            self.try_it(self._tested)

    def try_it(self, name: str) -> None:
        self._tested = name
        self.busy("reading the first items")
        self._try(name)

    @work(exclusive=True)
    async def _try(self, name: str) -> None:
        workbench = self.work.workbench
        items = None
        try:
            profile = profile_of(self.trial())
            async with workbench.session(profile) as session:
                tried, items = await try_incoming(profile, session, name, workbench.run())
        except RequestFailed as failure:
            tried = Tried("", False, diagnose_failure(failure, "the setup"))
        self.post_message(self.Tested(name, tried, items))

    @on(Tested)
    def _take(self, message: Tested) -> None:
        if message.items is None:
            self.query_one(Items).display = False
            if message.tried.finding is not None:
                self.found(message.tried.finding)
            else:
                self.say(f"… {message.tried.words}")
                self.go_on()
            return
        at = self.setup.at
        first = [at("incoming", message.name, *path) for path in (("identifier",), ("incremental", "field"))]
        self.query_one(Items).show(message.items.items, *(name for name in first if isinstance(name, str)))
        if message.tried.finding is not None:
            self.found(message.tried.finding)
            return
        self.say(f"✔ {message.tried.words}")
        self.go_on()

    @on(Items.Opened)
    def _open(self, message: Items.Opened) -> None:
        text = json.dumps(message.item, indent=2, ensure_ascii=False)
        masked = self.work.workbench.mask.body(text.encode(), "application/json").decode()
        self.app.push_screen(ItemScreen("One item, whole", masked))
