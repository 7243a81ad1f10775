"""Step 3, incoming: what is read from the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message

from ...client.message import InvalidRequest, RequestFailed
from ...client.uri import readable
from ...guide.checks.authentication import not_sent
from ...guide.checks.check import CheckResult, check_incoming
from ...guide.checks.permissions import RouteAccess
from ...guide.environment_values import without_own_output
from ...guide.steps import kind_schemas
from ...guide.steps.methods import GuideStep
from ...guide.steps.profile_draft import limit_pages
from ...magento.diagnosis import Fix, diagnose_failure
from ...magento.entities import READABLE
from ...templates import Json
from ...text import listed, shown_line
from ..widgets.frame import by_itself
from ..widgets.item_table import ItemScreen, ItemTable
from ..widgets.questions import ConfirmScreen
from .configurations import ConfigurationsPane
from .context import GuideContext
from .form_screen import FormScreen
from .results import PartValues
from .step import words_of

_NOT_PUBLIC = frozenset(each.path for each in READABLE.values())
"""Lists that the store gives only to whom it knows."""


class IncomingForm(FormScreen):
    """The fields of an incoming, with its pagination and sink."""

    def __init__(self, work: GuideContext, name: str) -> None:
        super().__init__(work, f"Incoming {name}", partial(kind_schemas.configuration, "incoming"), ("incoming", name))
        self._incoming = name
        self._had_file = self._file is not None
        self._sink_before = self._sink("kind"), self._file

    def _sink(self, key: str) -> Json:
        return self._work.setup.at("incoming", self._incoming, "sink", key)

    @property
    def _file(self) -> Json:
        return self._sink("path")

    def before_closing(self, then: Callable[[], object]) -> None:
        """Offers a file for each environment where the incoming had none before, as one that is added has them."""
        kind, file = self._sink_before
        if isinstance(file, str) and kind != self._sink("kind"):
            self._work.setup.rename_outputs(self._incoming, file)
        sharing = without_own_output(self._work.setup.draft, self._incoming)
        if self._had_file or not sharing:
            then()
            return
        self._had_file = True

        def answered(yes: bool | None) -> None:
            if yes:
                self._work.setup.add_outputs(self._incoming)
            then()

        file = shown_line(str(self._file), 200)
        question = (
            f"{listed(sharing, 5)} would write the same file as the base values: {file}\n\n"
            "Give each environment a file of its own?"
        )
        screen = ConfirmScreen(question, title="Files of environments", yes="Own files", no="Same file")
        self.app.push_screen(by_itself(screen), answered)


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
        values: PartValues
        """What was tested."""
        sent: str = ""
        """The request for the items."""

    def outcome(self) -> ComposeResult:
        yield ItemTable(id="items")

    def on_mount(self) -> None:
        super().on_mount()
        self._tested = ""
        """The incoming that was tested last."""
        self._results: dict[str, IncomingPane.Tested] = {}
        """The last result of each incoming."""
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
        return f"{tells}{known.note}"

    def removed(self, name: str) -> None:
        self._results.pop(name, None)
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
        """Shows at once what is read, or why not: its request changes nothing in the store, or is not sent."""
        super().added(name)
        if why := self._why_not_read():
            self._result_of = name
            self.say(f"! First items not read: {why}")
        else:
            self._just_added = True
            self.try_it(name)

    def _why_not_read(self) -> str:
        """Why nothing is read before it is asked for, and what to do; "" where step 2 is set up and not refused."""
        setup, work = self.setup, self.work
        if setup.missing_store:
            return f"{setup.missing_store} (1: step 1)"
        if work.lacks_secrets:
            return "drafts contain no secrets. Enter them again in step 2 (Esc 2); then t reads the items."
        if setup.authenticated:
            return ""
        if not setup.has_authentication:
            return "there is no authentication yet (2: step 2). t reads them without one."
        if work.refusal("authentications", setup.authentication):
            return "the authentication was refused (2: step 2). t tries it all the same."
        return ""

    def try_it(self, name: str) -> None:
        self._tested = name
        self.busy(f"reading the first items of {name}")
        self._try(name)

    @work(exclusive=True)
    async def _try(self, name: str) -> None:
        workbench, sent, values = self.work.workbench, "", self.work.values_of(("incoming", name))
        try:
            profile = self.work.trial_profile(("incoming", name))
            async with workbench.session(profile, parts=[("incoming", name)]) as session:
                tried, found = await check_incoming(profile, session, name, workbench.run())
            if found is not None:
                sent = f"#{found.exchange} {profile.incoming[name].request.method.upper()} {readable(found.uri)}"
        except InvalidRequest as failure:
            client = self.setup.at("incoming", name, "client")
            tried = CheckResult("", False, not_sent(self.setup, failure, client))
        except RequestFailed as failure:
            tried = CheckResult("", False, diagnose_failure(failure, "the setup"))
        self.post_message(self.Tested(name, tried, values, sent))

    @on(Tested)
    def _take(self, message: Tested) -> None:
        """Marks what was tested; shows the result, unless another incoming was selected meanwhile."""
        name, finding = message.name, message.tried.finding
        if self.setup.at("incoming", name) != message.values.part:
            return  # it was changed or deleted meanwhile
        self._results[name] = message
        if finding is not None:
            self.failed(name, finding)
        elif message.tried.written is not None:
            at = self.setup.at
            if str(at("incoming", name, "request", "uri")).partition("?")[0] in _NOT_PUBLIC:
                self.work.prove_authentication(at("incoming", name, "client"))
            self.passed(name)
        if name != self.rows.chosen:
            self.say("")
            self.follow_selection()
            return
        self._result_of = name
        self._show_items(message)
        if finding is not None:
            self.found(finding)
            return
        if not self._just_added and message.tried.written is not None:
            self.explain("")  # the outcome needs its lines
        self._just_added = False
        self._say_result(message)
        self.go_on()

    def show_result_of(self, name: str) -> None:
        result = self._results.get(name)
        if result is None or result.values != self.work.values_of(("incoming", name)):
            self.query_one(ItemTable).display = False
            super().show_result_of(name)
            return
        self.forget()
        self._tested = name
        self._show_items(result)
        if (finding := result.tried.finding) is not None:
            self._show_finding(finding, words_of(finding))
        else:
            self._say_result(result)

    @property
    def _width(self) -> int:
        return max(40, self.scrollable_content_region.width - 4)

    def _show_items(self, result: Tested) -> None:
        """Shows the first items, if there are any."""
        written, items = result.tried.written, self.query_one(ItemTable)
        if written is None:
            items.display = False
            return
        paths = (("identifier",), ("incremental", "field"))
        first = [self.setup.at("incoming", result.name, *path) for path in paths]
        items.show(written.items, *(name for name in first if isinstance(name, str)), width=self._width)

    def _say_result(self, result: Tested) -> None:
        """Says what was received, or why nothing was requested."""
        tried = result.tried
        if tried.written is None:
            self.say(f"… {tried.summary}")
            return
        lines = [line for each in tried.warnings for line in (each.summary, f"→ {each.remedy}")]
        lines.append(f"Sent: {shown_line(result.sent, self._width - 10)}")
        sign = "!" if tried.warnings else "✔"
        self.say("\n  ".join([f"{sign} {tried.summary}", *lines]) + self.untested())

    @on(ItemTable.Opened)
    def _open(self, message: ItemTable.Opened) -> None:
        text = json.dumps(message.item, indent=2, ensure_ascii=False)
        masked = self.work.workbench.mask.body(text.encode(), "application/json").decode()
        self.app.push_screen(ItemScreen(message.title, masked))
