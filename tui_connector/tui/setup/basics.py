"""Step 1, basics and plugins: where the store is, and the HTTP client that talks to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import Worker

from ...client.message import InvalidRequest, RequestFailed
from ...client.uri import is_loopback, is_unencrypted, origin_of
from ...guide.checks.check import auth_kind
from ...guide.steps import kind_schemas, summaries
from ...guide.steps.methods import GuideStep
from ...guide.steps.setup import INVALID_VIEW
from ...guide.steps.store_address import AddressSearch, search
from ...guide.steps.store_views import ALWAYS, StoreViews, store_views, unknown_view
from ...magento.diagnosis import Finding, Fix, diagnose_failure
from ...profile.library import Library, ProfileError
from ...profile.part_names import check_name
from ...profile.remarks import remarks
from ...templates import Json
from ...text import printable_line
from ..dialogs import NameScreen
from ..keys import after_pending_messages
from ..widgets.choice import Choice, ChoiceScreen, FilteredChoiceScreen
from ..widgets.field_specs import field_specs
from ..widgets.fields import FieldRow, FieldWithList, TextField
from ..widgets.form_field import FormPath
from ..widgets.ordered_list import OrderedList
from .context import GuideContext
from .form_screen import FormScreen
from .step import Correction, StepPane

_EVERYWHERE = {
    "all": "all: the default values, for reading and writing them",
    "default": "default: the store's default view",
}
_LIST = {"": "list"}
_TO_ADDRESS, _TO_VIEW = Correction("Edit Store address"), Correction("Edit Store view")
_PLUGINS, _PLUGIN_KEYS = "Plugins, in order", "        a add  d remove  z undo  J K move  e edit"
_NEW_CLIENT = "Name of the new client, such as staging"
_ADD, _REMOVE = "+ add", "- remove"
_CONNECTION = "connection settings"
"""The option of the plugins that is none of them, and is looked for there."""
_ABOUT = {
    "address": "Any address of the store: its front page, the admin page or the REST API.",
    "store-view": "all (default values), default, or a store view code: where to read from and write to.",
    "client": "Its plugins and authentications apply to every request that it sends.",
    "connection": "Timeouts, certificates and proxy.",
    "plugins": "What is done with each request, from top to bottom.",
}


class BasicsPane(StepPane):
    """The store's address, found from whatever is typed; the client, its plugins and how it connects."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("z,ctrl+z", "undo_plugins", "Undo", id="parts.undo")]

    step = GuideStep.BASICS
    result_is_above = True
    _searched_for = ("", "")
    """The address and the store view that the last search was for."""
    _search_worker: Worker[None] | None = None
    _is_address_refused = False
    """Whether nothing was found at the address that is shown."""

    @dataclass
    class Searched(Message):
        """The search for the store has come this far."""

        state: AddressSearch
        ended: bool
        view_finding: Finding | None = None
        names: tuple[str, str] = ("", "")
        """A name and a title for a new profile of this store."""

    @dataclass
    class ViewsKnown(Message):
        """What the store tells of its store views."""

        found: StoreViews

    def compose_fields(self) -> ComposeResult:
        setup = self.setup
        address = TextField(setup.typed_address, id="field-address", placeholder="shop.example")
        yield FieldRow("address", "Store address", address, _ABOUT["address"])
        yield from self.compose_result()
        view = Horizontal(
            FieldWithList(self._view_text, id="field-store-view"),
            Choice({"": ""}, "", id="views", short=_LIST, beside=True),
        )
        yield FieldRow("store-view", "Store view", view, _ABOUT["store-view"])
        yield FieldRow("client", "HTTP client", Choice({}, setup.client, id="client"), _ABOUT["client"])
        yield FieldRow("connection", "Connection", Choice({}, "", id="connection"), _ABOUT["connection"])
        yield Static(_PLUGINS, classes="heading", id="plugins-heading")
        yield OrderedList(part_name="the list of plugins", id="plugins")
        yield Static("", id="warning")

    def __init__(self, work: GuideContext) -> None:
        super().__init__(work)
        self._removed: list[list[Json]] = []
        """The lists of plugins before each change, to be undone."""

    def on_mount(self) -> None:
        self._show_client()

    def _show_client(self) -> None:
        """What belongs to the client, as the draft has it."""
        setup = self.setup
        clients = {name: self._named(name) for name in {**setup.table("clients"), setup.client: {}}}
        clients[_ADD] = "+ add a client"
        if len(setup.table("clients")) > 1:
            clients[_REMOVE] = f"- remove {setup.client}"
        self.query_one("#client", Choice).show(setup.client, clients)
        saved = setup.table("clients", setup.client)
        self.query_one("#connection", Choice).show("", {"": summaries.connection(saved)})
        self._show_plugins()
        unverified = "! The certificate is NOT verified: secrets can be intercepted."
        self.put(self.query_one("#warning", Static), unverified if setup.unverified() else "")

    def _show_plugins(self) -> None:
        setup, plugins = self.setup, self._plugins()
        problems = setup.item_problems("clients", setup.client, "plugins")
        index = setup.plugin("base-uri")
        if index is not None and not setup.base_uri:  # it comes from the test
            problems.pop(index, None)
        path = ("clients", setup.client, "plugins")
        odd = {int(each.path[3]): each.message for each in remarks(setup.draft) if each.path[:3] == path}
        lines = [*map(summaries.plugin, plugins)]
        if index is not None and setup.base_uri and setup.typed_address not in ("", setup.searched[0]):
            lines[index] = f"{summaries.plugin({'kind': 'base-uri'})}; before: {setup.base_uri}"
        self.query_one("#plugins", OrderedList).fill(lines, problems, odd)

    def _named(self, client: str) -> str:
        title = self.setup.at("clients", client, "title")
        return f"{client}: {title}" if title else client

    def _plugins(self) -> list[Json]:
        found = self.setup.at("clients", self.setup.client, "plugins")
        return list(found) if isinstance(found, list) else []

    def begin(self) -> None:
        self._show_client()
        self.explain(self._about_address())
        self._mark()
        if self.setup.typed_address:
            self.focus_buttons()
        else:
            self.edit_field()

    @property
    def complete(self) -> bool:
        return super().complete and not self._is_refused

    @property
    def _is_refused(self) -> bool:
        """Whether the store was found, but not its store view."""
        return self.refused() is not None

    def _mark(self) -> None:
        """Shows next to the address whether the store was found there, and at the store view what is wrong with it."""
        mark = "✘" if self._is_address_refused else "✔ found" if self.complete else ""
        self.query_one("#row-address", FieldRow).mark(mark, bad=self._is_address_refused)
        view, is_invalid = self.query_one("#row-store-view", FieldRow), self.setup.typed_view is not None
        view.problem(INVALID_VIEW if is_invalid else "")
        view.mark("✘" if self._is_refused else "", bad=self._is_refused or is_invalid)

    def refused(self) -> Finding | None:
        """Why the store view was refused."""
        return self.work.refusal("clients", self.setup.client)

    def refusal(self) -> str:
        """What is invalid in a client, except in the plugins that are shown, and why the store view was refused."""
        shown = ("clients", self.setup.client, "plugins")
        wrong = [
            f"✘ {'.'.join(map(str, path[1:]))}: {words}"
            for path, words in self.setup.problems().items()
            if path[0] == "clients" and path[:3] != shown
        ]
        return "\n".join(filter(None, [super().refusal(), *wrong]))

    @property
    def has_fields(self) -> bool:
        return True

    @property
    def field_to_edit(self) -> Widget:
        wrong = self.query(".wrong TextField")
        return wrong.first(Input) if wrong else self.query_one("#field-address", Input)

    def way_to_correct(self, finding: Finding) -> Correction:
        return _TO_VIEW if finding.id == "store-code" else _TO_ADDRESS

    def found(self, finding: Finding) -> None:
        self._is_address_refused = finding.id != "store-code"
        super().found(finding)
        self._mark()

    def forget(self) -> None:
        self._is_address_refused = False
        super().forget()
        self._mark()

    def on_descendant_blur(self) -> None:
        self._show_list_keys()

    def _show_list_keys(self) -> None:
        """The keys of the list of plugins are shown while they work."""
        keys = _PLUGIN_KEYS if self.query_one("#plugins").has_focus else ""
        self.query_one("#plugins-heading", Static).update(Content(f"{_PLUGINS}{keys}"), layout=False)

    def on_descendant_focus(self) -> None:
        self._show_list_keys()
        focused = self.screen.focused
        row = next((node for node in focused.ancestors if isinstance(node, FieldRow)), None) if focused else None
        if row is not None:
            self.explain(self._about_address() if row.field_name == "address" else row.about)
        elif isinstance(focused, OrderedList):
            self.explain(_ABOUT["plugins"])

    @on(TextField.EnterPressed)
    def _entered(self, event: TextField.EnterPressed) -> None:
        event.stop()
        after_pending_messages(self.screen.focused, self, self.enter)

    @on(Input.Changed, "#field-address")
    def _address(self, event: Input.Changed) -> None:
        before = self.setup.missing_store
        self.setup.typed_address = event.value
        self._forget_other()
        if self.setup.missing_store != before:
            self._mark()
            self._show_plugins()
        self.post_message(self.Changed())

    def _forget_other(self) -> None:
        """Clears what was found for another address or store view; a search for them ends."""
        if self._said and self._searched_for != (self.setup.typed_address, self.setup.store_view):
            if self._search_worker is not None:
                self._search_worker.cancel()
            self.forget()

    @on(Input.Changed, "#field-store-view")
    def _view(self, event: Input.Changed) -> None:
        if event.value != self._view_text:
            if self.setup.typed_view is not None:
                self.forget()  # what is wrong with it may have been said
            self.setup.type_store_view(event.value)
            self._forget_other()
            self._show_plugins()
            self.post_message(self.Changed())
        self._mark()

    @property
    def _view_text(self) -> str:
        setup = self.setup
        return setup.store_view if setup.typed_view is None else setup.typed_view

    def _about_address(self) -> str:
        """What the address takes, and which client it is for, where there are several."""
        others = [name for name in self.setup.table("clients") if name != self.setup.client]
        return f"For the client {self.setup.client}, beside {', '.join(others)}. " * bool(others) + _ABOUT["address"]

    def check_complete(self) -> bool:
        if self.setup.typed_view is not None:
            self.refuse(f"✘ {INVALID_VIEW}", _TO_VIEW)
            return False
        if super().check_complete() and not self.complete:
            self.test()  # says what is wrong
        return self.complete

    @on(Choice.OpenRequested, "#views")
    def _list_views(self, event: Choice.OpenRequested) -> None:
        event.stop()
        self.run_worker(self._ask_views(), exclusive=True, group="views")

    async def _ask_views(self) -> None:
        """The store views that the store tells of, where it knows who asks; else those that every store has."""
        found = StoreViews()
        address = self.setup.store.address if self.setup.store is not None else None
        if self.setup.authenticated and address is not None:
            try:
                profile = self.work.trial_profile(("clients", self.setup.client))
                async with self.work.workbench.session(profile) as session:
                    way = auth_kind(profile, self.setup.client)
                    found = await store_views(session.client(self.setup.client), address, way)
            except InvalidRequest as error:
                self.say(f"✘ {error.message}", bad=True)
        self.post_message(self.ViewsKnown(found))

    @on(ViewsKnown)
    def _choose_view(self, message: ViewsKnown) -> None:
        options = dict(_EVERYWHERE)
        options |= {view.code: f"{view.code}: {view.name}" for view in message.found.views if view.code not in options}
        if message.found.finding is not None:
            self.explain("The token may not list the store views (Magento_Backend::store): enter a code instead.")
        elif not message.found.views:
            self.explain("More store views are listed after authentication (step 2).")
        self.app.push_screen(ChoiceScreen(options, self.setup.store_view, title="Store view"), self._view_chosen)

    def _view_chosen(self, code: str | None) -> None:
        field = self.query_one("#field-store-view", Input)
        if code is not None:
            field.value = code
        self.screen.set_focus(field)

    @on(Choice.Chosen, "#client")
    def _client(self, event: Choice.Chosen) -> None:
        event.stop()
        if event.option == _ADD:
            self._ask_client(self._add_client)
            return
        if event.option == _REMOVE:
            self.setup.remove_client()
            self._removed.clear()
        else:
            self._removed.clear()
            self.setup.choose_client(event.option)
        self._client_changed()

    def open_form(self, name: str, at: FormPath = ()) -> None:
        """A plugin and the connection have forms of their own; the address is the plugin with the base URI."""
        match at[2:]:
            case ["plugins", int(index), *_] if index not in (self.setup.plugin("base-uri"), None):
                self.query_one("#plugins").focus()
                self.query_one("#plugins", OrderedList).highlighted = index
                self._edit_plugin(index, at=at)
            case ["plugins", _, *_]:
                self.query_one("#field-address").focus()
            case ["plugins"]:
                self.query_one("#plugins").focus()
            case [_, *_]:
                self._edit_connection(at)
            case _:
                super().open_form(name, at)

    @property
    def path_here(self) -> FormPath:
        client: FormPath = ("clients", self.setup.client)
        base_uri, plugins = self.setup.plugin("base-uri"), self.query_one("#plugins", OrderedList)
        if plugins.has_focus and plugins.highlighted is not None:
            return (*client, "plugins", plugins.highlighted)
        focused = self.screen.focused
        if focused is not None and focused.id in ("field-address", "field-store-view") and base_uri is not None:
            return (*client, "plugins", base_uri, "uri")
        return client

    def add_part(self) -> None:
        def named(name: str | None) -> None:
            if name is None:
                self.screen.dismiss()
            else:
                self._add_client(name)

        self._ask_client(named)

    def _ask_client(self, named: Callable[[str | None], None]) -> None:
        """Prompts for the name of a new client."""

        async def usable(text: str) -> str:
            return check_name(text)

        self.app.push_screen(NameScreen(_NEW_CLIENT, apply=usable, title="Add an HTTP client"), named)

    def _add_client(self, name: str | None) -> None:
        if name:
            self.setup.choose_client(name)
            self._removed.clear()
            self.query_one("#field-address", Input).focus()  # the first thing that it wants
        self._client_changed()

    def _client_changed(self) -> None:
        self._show_client()
        self._mark()
        self.query_one("#field-address", Input).value = self.setup.typed_address
        self.query_one("#field-store-view", Input).value = self.setup.store_view
        self.say("")
        self.post_message(self.Changed())

    @on(Choice.OpenRequested, "#connection")
    def _connection(self, event: Choice.OpenRequested) -> None:
        event.stop()
        self._edit_connection()

    def _edit_connection(self, at: FormPath = ()) -> None:
        path = ("clients", self.setup.client)
        about = "Connection settings of this client. All are optional; the defaults suit most stores."
        screen = FormScreen(self.work, f"HTTP client {self.setup.client}", kind_schemas.client, path, about)
        screen.begins_at = at
        self._over(screen)

    @on(OrderedList.AddRequested)
    def _add_plugin(self, event: OrderedList.AddRequested) -> None:
        event.stop()
        options = {**kind_schemas.plugins(), _CONNECTION: "Connection settings: timeouts, certificates and proxy ▸"}
        details = {**kind_schemas.plugin_details(), _CONNECTION: kind_schemas.connection_details()}
        self.app.push_screen(FilteredChoiceScreen(options, details, title="Add a plugin"), self._added)

    def _added(self, kind: str | None) -> None:
        if kind == _CONNECTION:
            self._edit_connection()
        if kind in (None, _CONNECTION):
            return
        index = len(self._plugins())
        self._removed.append(self._plugins())
        self.setup.edit(("clients", self.setup.client, "plugins"), [*self._plugins(), {"kind": kind}])
        self._client_changed()
        self.query_one("#plugins", OrderedList).highlighted = index
        schema = kind_schemas.plugin(kind)
        if schema is not None and field_specs(schema):
            self._edit_plugin(index, added=True)

    @on(OrderedList.RemoveRequested)
    def _remove_plugin(self, event: OrderedList.RemoveRequested) -> None:
        event.stop()
        plugins = self._plugins()
        self._removed.append([*plugins])
        removed = plugins.pop(event.index)
        self._set_plugins(plugins)
        self.explain(f"Removed: {summaries.plugin(removed)}. z undoes it.")

    @on(OrderedList.UndoRequested)
    def _undo(self, event: OrderedList.UndoRequested) -> None:
        event.stop()
        self.action_undo_plugins()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """z works anywhere in the step outside fields, after the plugins were changed."""
        if action == "undo_plugins":
            return bool(self._removed) and not self.is_in_use
        return super().check_action(action, parameters)

    def action_undo_plugins(self) -> None:
        """Restores the plugins as they were before the last change."""
        if self._removed:
            self._set_plugins(self._removed.pop())
            self.explain(_ABOUT["plugins"])
        else:
            self.explain("Nothing to undo: the plugins are as they were before this was opened.")

    @on(OrderedList.MoveRequested)
    def _move_plugin(self, event: OrderedList.MoveRequested) -> None:
        event.stop()
        plugins = self._plugins()
        self._removed.append([*plugins])
        plugins.insert(event.index + event.by, plugins.pop(event.index))
        self._set_plugins(plugins)

    def _set_plugins(self, plugins: list[Json]) -> None:
        self.setup.edit(("clients", self.setup.client, "plugins"), plugins)
        self._client_changed()

    @on(OrderedList.OptionSelected, "#plugins")
    def _open_plugin(self, event: OrderedList.OptionSelected) -> None:
        event.stop()
        self._edit_plugin(event.option_index)

    def _edit_plugin(self, index: int, *, added: bool = False, at: FormPath = ()) -> None:
        kind = str(self.setup.at("clients", self.setup.client, "plugins", index, "kind") or "")
        schema = kind_schemas.plugin(kind)
        if schema is None or not field_specs(schema):
            self.say(f"{kind_schemas.plugins().get(kind, kind)}: no settings.")
            return
        path = ("clients", self.setup.client, "plugins", index)
        screen = FormScreen(self.work, str(schema["title"]), lambda: schema, path)
        screen.begins_at, screen.is_new = at, added
        self._over(screen, self._removed.pop if added else None)

    def _over(self, screen: FormScreen, undo: Callable[[], list[Json]] | None = None) -> None:
        """Opens a form; where it is cancelled, the plugins are those that `undo` returns."""

        def closed(applied: bool | None) -> None:
            if not applied and undo is not None:
                self._set_plugins(undo())
            else:
                self._client_changed()

        self.app.push_screen(screen, closed)

    def test(self) -> None:
        after_pending_messages(self.screen.focused, self, self.start_test)

    @property
    def is_testing(self) -> bool:
        is_searched = self._searched_for == (self.setup.typed_address, self.setup.store_view)
        return bool(self._busy) and is_searched and self.setup.typed_view is None

    def start_test(self) -> None:
        if self.setup.typed_view is not None:
            self.refuse(f"✘ {INVALID_VIEW}", _TO_VIEW)
            return
        self._searched_for = (self.setup.typed_address, self.setup.store_view)
        self.busy("looking for the store")
        self._search_worker = self.run_worker(self._search(self.setup.typed_address), exclusive=True)

    async def _search(self, typed: str) -> None:
        state, view_finding = AddressSearch(typed), None
        try:
            async with self.work.workbench.anonymous(self.setup.connection()) as session:
                async for state in search(typed, session.client("default")):
                    self.post_message(self.Searched(state, ended=False))
                code = self.setup.view_at(state.found.address, typed) if state.found else "all"
                if state.found is not None and code not in ALWAYS:
                    view_finding = await unknown_view(code, session.client("default"), state.found.address)
        except RequestFailed as failure:
            state.finding = diagnose_failure(failure, "the client")
        names = ("", "")
        if state.found is not None and not self.setup.saved:
            names = await asyncio.to_thread(_names_for, self.work.profiles, origin_of(state.found.address.root))
        self.post_message(self.Searched(state, ended=True, view_finding=view_finding, names=names))

    @on(Searched)
    def _take(self, message: Searched) -> None:
        state = message.state
        if self._searched_for != (self.setup.typed_address, self.setup.store_view):
            return  # changed meanwhile
        probes = "\n".join(f"{'✔' if p.found else '–'} {p.base_uri}: {p.result}" for p in state.probes)
        if not message.ended:
            self.report(probes)
            return
        if state.found is None:
            if state.finding is not None:
                self.found(state.finding)
            return
        self.setup.use_store(state.found, state.typed)
        self._searched_for = self.setup.searched
        self.query_one("#field-store-view", Input).value = self.setup.store_view
        self._suggest_names(*message.names)
        self._show_client()
        client = ("clients", self.setup.client)
        if message.view_finding is not None:
            self.work.mark_refused(*client, finding=message.view_finding)
        else:
            self.work.mark_tested(*client)
        self._mark()
        self.post_message(self.Changed())
        if message.view_finding is not None:
            self.found(message.view_finding)
            return
        is_plain = is_unencrypted(self.setup.base_uri)
        warning = "\n! Not encrypted: tokens can be intercepted. Use https." if is_plain else ""
        self.say(f"{probes}\n✔ {state.found.summary()}{warning}")
        self.go_on(warned=bool(warning))

    def _suggest_names(self, name: str, title: str) -> None:
        setup = self.setup
        if setup.saved or not name or setup.typed_address == setup.suggested_address:
            return
        if setup.name == setup.suggested_name and setup.typed_name is None:
            self.work.rename(name)
            setup.suggested_name = name
        setup.suggest_title(title if setup.name == setup.suggested_name else setup.name)

    def apply(self, fix: Fix) -> None:
        if fix.target == "address":
            self.setup.typed_address = fix.value
            self.query_one("#field-address", Input).value = fix.value
        else:
            self.setup.choose_store_view(fix.value)
            self.query_one("#field-store-view", Input).value = fix.value
        self.test()


def _names_for(profiles: Path, origin: str) -> tuple[str, str]:
    """A name and a title for a store at this origin that no other profile has. Touches the disk."""
    place = printable_line(origin.partition("://")[2]).removeprefix("www.")
    host, library = re.sub(r":\d+$", "", place), Library(profiles)
    try:
        return library.name_from(_name_of(host)), library.title_from(host, place)
    except ProfileError:  # saving says so
        return "", ""


def _name_of(host: str) -> str:
    """What to name a store after: its host, unless that is a number."""
    if is_loopback(f"http://{host}"):
        return "local-store"
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return host
    return f"store-{host}"
