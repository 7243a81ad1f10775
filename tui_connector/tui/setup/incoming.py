"""Step 3, incoming: what is read from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message

from ...client.message import RequestFailed
from ...client.uri import readable
from ...guide.checks.check import CheckResult, check_incoming
from ...guide.checks.permissions import RouteAccess
from ...guide.steps import kind_schemas
from ...guide.steps.methods import GuideStep
from ...guide.steps.profile_draft import limit_pages
from ...magento.diagnosis import Fix, diagnose_failure
from ...magento.entities import READABLE
from ...templates import Json
from ...text import shown_line
from ..widgets.item_table import ItemScreen, ItemTable
from .configurations import ConfigurationsPane
from .context import GuideContext
from .form import FormScreen

_NOT_PUBLIC = frozenset(each.path for each in READABLE.values())
"""Lists that the store gives only to whom it knows."""


class IncomingForm(FormScreen):
    """The fields of an incoming, with its pagination and sink."""

    def __init__(self, work: GuideContext, name: str) -> None:
        super().__init__(work, f"Incoming {name}", partial(kind_schemas.configuration, "incoming"), ("incoming", name))


class IncomingPane(ConfigurationsPane):
    """The incoming configurations, and the first items of the one under the cursor."""

    step = GuideStep.INCOMING
    family = "incoming"
    test_label = "First items"
    entities = READABLE
    method = "get"

    @dataclass
    class Tested(Message):
        """The first items as they would be written, or the finding."""

        name: str
        tried: CheckResult
        part: Json
        """The incoming as it was tested."""
        sent: str = ""
        """The request for the items."""

    def outcome(self) -> ComposeResult:
        yield ItemTable(id="items")

    def on_mount(self) -> None:
        super().on_mount()
        self._tested = ""
        """The incoming that was tested last."""
        self._just_added = False
        """Whether it is tested because it was added."""
        self.query_one(ItemTable).display = False

    def permitted(self) -> Mapping[str, RouteAccess]:
        return self.work.permissions.read

    def add(self, entity: str) -> str:
        return self.setup.add_incoming(entity)

    def form(self, name: str) -> FormScreen:
        return IncomingForm(self.work, name)

    def added_text(self, entity: str) -> str:
        known = READABLE[entity]
        tells = f"{known.identifier} identifies items. " if known.identifier else ""
        return f"{known.route}: {tells}{known.note}"

    def edited(self, name: str) -> None:
        super().edited(name)
        if name == self._tested and not self.work.is_tested("incoming", name):
            self.query_one(ItemTable).display = False  # its items are those of another configuration

    def removed(self, name: str) -> None:
        self.query_one(ItemTable).display = False

    def apply(self, fix: Fix) -> None:
        """The page size that the store allows, for the incoming that it refused."""
        if self._tested in self.setup.incoming:
            limit_pages(self.setup, self._tested, int(fix.value))
            self.draw()
            self.choose(self._tested)
            self.post_message(self.Changed())
            self.try_it(self._tested)

    def added(self, name: str) -> None:
        """Shows at once what is read: its request changes nothing in the store, or is not sent."""
        super().added(name)
        if self.setup.authenticated and not self.work.lacks_secrets:
            self._just_added = True
            self.try_it(name)

    def try_it(self, name: str) -> None:
        self._tested = name
        self.busy(f"reading the first items of {name}")
        self._try(name)

    @work(exclusive=True)
    async def _try(self, name: str) -> None:
        workbench, sent, part = self.work.workbench, "", deepcopy(self.setup.at("incoming", name))
        try:
            profile = self.work.trial_profile()
            async with workbench.session(profile, parts=[("incoming", name)]) as session:
                tried, found = await check_incoming(profile, session, name, workbench.run())
            if found is not None:
                sent = f"#{found.exchange} {profile.incoming[name].request.method.upper()} {readable(found.uri)}"
        except RequestFailed as failure:
            tried = CheckResult("", False, diagnose_failure(failure, "the setup"))
        self.post_message(self.Tested(name, tried, part, sent))

    @on(Tested)
    def _take(self, message: Tested) -> None:
        if self.setup.at("incoming", message.name) != message.part:
            return  # it was changed or deleted meanwhile
        written = message.tried.written
        if written is None:
            self.query_one(ItemTable).display = False
            if message.tried.finding is not None:
                self.failed(message.name, message.tried.finding)
                self.found(message.tried.finding)
            else:
                self.say(f"… {message.tried.summary}")
                self.go_on()
            return
        at = self.setup.at
        first = [at("incoming", message.name, *path) for path in (("identifier",), ("incremental", "field"))]
        width = max(40, self.scrollable_content_region.width - 4)
        self.query_one(ItemTable).show(written.items, *(name for name in first if isinstance(name, str)), width=width)
        if message.tried.finding is not None:
            self.failed(message.name, message.tried.finding)
            self.found(message.tried.finding)
            return
        if str(at("incoming", message.name, "request", "uri")).partition("?")[0] in _NOT_PUBLIC:
            self.work.prove_authentication(at("incoming", message.name, "client"))
        self.passed(message.name)
        if not self._just_added:
            self.explain("")  # the outcome needs its lines
        self._just_added = False
        warnings = message.tried.warnings
        lines = [line for each in warnings for line in (each.summary, f"→ {each.remedy}")]
        lines.append(f"Sent: {shown_line(message.sent, width - 10)}")
        self.say("\n  ".join([f"{'!' if warnings else '✔'} {message.tried.summary}", *lines]) + self.untested())
        self.go_on()

    @on(ItemTable.Opened)
    def _open(self, message: ItemTable.Opened) -> None:
        text = json.dumps(message.item, indent=2, ensure_ascii=False)
        masked = self.work.workbench.mask.body(text.encode(), "application/json").decode()
        self.app.push_screen(ItemScreen(message.title, masked))
