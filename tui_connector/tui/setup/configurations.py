"""The base of steps 3 and 4: a list of configurations, to which the chooser of entities adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ...guide.checks.permissions import RouteAccess
from ...guide.steps.methods import GuideStep
from ...guide.steps.summaries import ProfilePart, fitted, parts
from ...magento.diagnosis import Finding
from ...magento.entities import Readable, Writable
from ...profile.environment_names import TABLE
from ...profile.part_names import free
from ...templates import Json
from ...text import listed, shown_middle
from ..keys import after_pending_messages
from ..widgets.bounded_list import BoundedList
from ..widgets.form_field import FormPath
from ..widgets.frame import TONES
from ..widgets.questions import ConfirmScreen
from .entity_chooser import EntityChooser, EntityFilter, EntityOption, offer
from .form_screen import FormScreen
from .step import Correction, StepPane, to_step, words_of

_NAMES, _CUT_NAMES = 10, 24
"""The fewest columns for names, and for names that are cut."""


class ConfigurationList(BoundedList):
    """The configurations, one per line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "select", "Edit", id="configurations.edit"),
        Binding("enter", "select", "Edit", show=False, id="configurations.edit"),
        Binding("d,delete", "ask_delete", "Delete", id="configurations.delete"),
        Binding("j", "cursor_down", "Next", show=False, id="configurations.next", tooltip="Next configuration"),
        Binding(
            "k", "cursor_up", "Previous", show=False, id="configurations.previous", tooltip="Previous configuration"
        ),
    ]

    def __init__(self, *, part_name: str, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """`part_name`: what messages call it."""
        super().__init__(id=id)
        self.part_name = part_name
        self._parts: list[ProfilePart] = []

    def show(self, shown: Iterable[ProfilePart], width: int, mark: Callable[[str], tuple[str, str]]) -> None:
        """Shows these configurations, each with its mark and the tone of that; the cursor stays on its row."""
        highlighted, former = self.highlighted or 0, [part.name for part in self._parts]
        self._parts = list(shown)
        lines: list[Content] = []
        names = max((len(part.name) + len(" (disabled)") * part.disabled for part in self._parts), default=0)
        most = max(_CUT_NAMES, width // 3)
        names = max(_NAMES, min(most, names))
        for part in self._parts:
            off = " (disabled)" if part.disabled else ""
            name = shown_middle(part.name, most - len(off)) + off
            summary = fitted(part.summary, max(10, width - names - 4))
            sign, tone = mark(part.name)
            lines.append(
                Content.assemble(
                    (f"{sign} ", TONES.get(tone, "")), (f"{name:<{names}}  ", "bold"), (summary, TONES["muted"])
                )
            )
        if [part.name for part in self._parts] == former:  # the cursor did not move, and nothing is told that it did
            for index, line in enumerate(lines):
                self.replace_option_prompt_at_index(index, line)
            return
        self.clear_options()
        self.add_options(map(Option, lines))
        if self._parts:
            self.highlighted = min(highlighted, len(self._parts) - 1)

    def choose(self, name: str) -> None:
        """Selects the configuration with this name."""
        names = [part.name for part in self._parts]
        if name in names:
            self.highlighted = names.index(name)

    def action_ask_delete(self) -> None:
        self.query_ancestor(ConfigurationsPane).action_ask_delete()

    @property
    def chosen(self) -> str | None:
        """The name of the selected configuration."""
        index = self.highlighted
        return self._parts[index].name if index is not None and index < len(self._parts) else None


class ConfigurationsPane(StepPane):
    """A list of incoming or outgoing configurations; where it is empty, the chooser opens."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "add_another", "Add", key_display="+", id="configurations.add"),
        Binding("d,delete", "ask_delete", "Delete", show=False, id="configurations.delete"),
        Binding("z,ctrl+z", "undo_delete", "Undo", id="configurations.undo"),
    ]
    family: ClassVar[Literal["incoming", "outgoing"]]
    """The table of the profile."""
    entities: ClassVar[Mapping[str, Readable | Writable]]
    """Magento's entities, by name."""
    method: ClassVar[str]
    """That of the request for a path that is entered."""

    def compose_fields(self) -> ComposeResult:
        yield Static("", classes="chosen")
        yield ConfigurationList(part_name=f"the list of {self.family} configurations", id=f"{self.family}-list")
        yield EntityChooser(id=f"{self.family}-chooser")

    def on_mount(self) -> None:
        self._choosing = not self.setup.table(self.family)
        self._deleted: list[tuple[int, str, Json, dict[str, Json]]] = []
        """What was deleted, with its place in the list, and what environments had of it, to be undone."""
        self._wrong: dict[str, str] = {}
        """What is wrong with a configuration, by name."""
        self.says_keys = False
        """Whether the hint is the keys, which follow the focus."""
        self._hint_of = ""
        """The configuration that the hint is about; "" where it is about the step."""
        self._result_of: str | None = None
        """The configuration that was selected when the result was shown."""
        self._warned = ""
        """A path that the store's schema does not have, which was reported: Enter again adds it."""
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def on_descendant_focus(self) -> None:
        """The keys that are shown are those of what has the focus."""
        if self.says_keys:
            self.explain_keys()

    def explain(self, text: str) -> None:
        self.says_keys, self._hint_of = False, ""
        super().explain(text)

    @on(OptionList.OptionHighlighted)
    def _follow(self, event: OptionList.OptionHighlighted) -> None:
        if isinstance(event.option_list, ConfigurationList):
            self.follow_selection()

    def follow_selection(self) -> None:
        """Hint and result become those of the selected configuration, if they are about another one."""
        name, before = self.rows.chosen, self._result_of
        if self._hint_of not in ("", name):
            self.explain_keys()
        if name is not None and name != before and not self._busy:
            self._result_of = name
            if before is not None:
                self.show_result_of(name)

    def show_result_of(self, name: str) -> None:
        """Shows what is wrong with this configuration, in place of the result that is shown."""
        problem, finding = self.problems().get(name, ""), self.work.refusal(self.family, name)
        self.forget()
        if problem or finding is None:
            self.say(problem, bad=bool(problem))
            self._offer(_way_to(name) if problem else None)
        else:
            self._show_finding(finding, words_of(finding))

    def explain_keys(self) -> None:
        """Shows the keys that work where the focus is, until another hint is shown."""
        self.explain(self.keys())
        self.says_keys = True

    @property
    def rows(self) -> ConfigurationList:
        """The list."""
        return self.query_one(ConfigurationList)

    def offers(self) -> list[EntityOption]:
        """The entities to add, with the token's access after a successful test."""
        may = self.permitted() if self.setup.authenticated else {}
        return [offer(name, entity, may.get(name)) for name, entity in self.entities.items()]

    def permitted(self) -> Mapping[str, RouteAccess]:
        """The token's access by entity; empty where it is not known."""
        raise NotImplementedError

    def add(self, entity: str) -> str:
        """Adds a configuration for this entity; returns its name."""
        raise NotImplementedError

    def added_text(self, entity: str) -> str:
        """The hint after adding this entity."""
        raise NotImplementedError

    def try_it(self, name: str) -> None:
        """Tests the configuration with this name."""
        raise NotImplementedError

    def removed(self, name: str) -> None:
        """Removes what the step shows of this configuration."""

    def begin(self) -> None:
        self._choosing = self._choosing or not self.setup.table(self.family)
        self.draw()
        self.query_one(EntityChooser).show(self.offers(), self.setup.base_uri)
        if self._choosing:
            self.query_one(EntityChooser).choose()
        else:
            self.screen.set_focus(self.rows)
        self.explain_keys()

    @on(EntityChooser.Moved)
    def _say_what_it_needs(self) -> None:
        """Shows the whole note of the entity under the cursor; its row has no room for it."""
        chooser = self.query_one(EntityChooser)
        if chooser.display:
            offer = chooser.highlighted
            if offer and offer.note:
                self.explain(f"{offer.title}: {offer.note}.\n{self.keys()}")
            else:
                self.explain_keys()

    def keys(self) -> str:
        """The keys of the step that work where the focus is."""
        if not self.setup.table(self.family):
            return "↑↓: select · Enter: add · F8: skip"
        if self._choosing:
            return "↑↓: select · Enter: add to the list · Esc: close"
        return "e: edit · +: add · d: delete · t: test · n: next"

    def draw(self) -> None:
        """Redraws the list from the setup."""
        found = [part for part in parts(self.setup.draft) if part.family == self.family]
        client = f" for the client {self.setup.client}" if len(self.setup.table("clients")) > 1 else ""
        another = f"Add{client}:" if client and self._choosing else ""
        words = another if found else f"Nothing selected yet. Available in Magento{client}:"
        self.put(self.query_one(".chosen", Static), words)
        self._wrong = self._what_is_wrong()
        width = (self.scrollable_content_region.width or self.app.size.width - 2) - 2
        self.rows.show(found, max(40, width), self._mark)
        self.rows.display = bool(found)
        self.query_one(EntityChooser).display = self._choosing or not found

    def _mark(self, name: str) -> tuple[str, str]:
        """The mark of a configuration, and its tone."""
        if name in self._wrong:
            return "✘", "error"
        return ("✔", "success") if self.work.is_tested(self.family, name) else ("◐", "")

    def _what_is_wrong(self) -> dict[str, str]:
        """What is invalid in a configuration, or why its last test has failed, by the name of the configuration."""
        found = {name: self.work.refusal(self.family, name) for name in self.setup.table(self.family)}
        refused = {name: words_of(finding) for name, finding in found.items() if finding is not None}
        return refused | self.problems()

    def problems(self) -> dict[str, str]:
        """What is invalid in the configurations, one line each, by name."""
        found: dict[str, list[str]] = {}
        for path, words in self.setup.problems().items():
            if path[:1] == (self.family,) and len(path) > 1:
                found.setdefault(str(path[1]), []).append(f"✘ {'.'.join(map(str, path[2:]))}: {words}")
        return {name: "\n".join(lines) for name, lines in found.items()}

    def way_to_correct(self, finding: Finding) -> Correction | None:
        """Another step, or the form of the configuration that was tested."""
        name = self.rows.chosen
        return super().way_to_correct(finding) or (_way_to(name) if name is not None else None)

    def refused(self) -> Finding | None:
        names = [*self.setup.table(self.family)]
        return self.work.refusal(self.family, names[0]) if len(names) == 1 else None

    def refusal(self) -> str:
        if len(self.setup.table(self.family)) == 1:
            return "".join(self._wrong.values())
        return "\n".join(words.replace("✘ ", f"✘ {name}: ") for name, words in self._wrong.items())

    def choose(self, name: str) -> None:
        self.rows.choose(name)
        self.screen.set_focus(self.rows)

    def open_form(self, name: str, at: FormPath = ()) -> None:
        self.choose(name)
        self.edit(name, at)

    @property
    def path_here(self) -> FormPath:
        return (self.family, self.rows.chosen) if self.rows.chosen is not None else (self.family,)

    def add_part(self) -> None:
        self._choosing = True
        self.begin()

    @on(EntityChooser.Chosen)
    def _add(self, message: EntityChooser.Chosen) -> None:
        names = message.name, self.setup.usual_name(self.family, message.name)
        there = next((name for name in names if name in self.setup.table(self.family)), None)
        self.added(self.add(message.name) if there is None else there)
        self.explain(self.added_text(message.name))
        self._hint_of = self.rows.chosen or ""

    @on(EntityChooser.PathGiven)
    def _add_path(self, message: EntityChooser.PathGiven) -> None:
        unknown = self._unknown(message.path)
        if unknown and not message.is_confirmed and message.path != self._warned:
            self._warned = message.path
            self.explain(f"✘ {unknown}\nEnter again adds it all the same.")
            return
        name = self.setup.add_path(self.family, message.path)
        self.added(name)
        remark = f" {unknown}" if message.is_confirmed else ""
        self.explain(f"{message.path} added as {name}.{remark}\n{self.keys()}")
        self._hint_of = name

    def _unknown(self, path: str) -> str:
        """Says if the store's schema, as far as it was read, has no such path, with the most similar ones."""
        known = self.work.permissions
        if not self.setup.authenticated or known.has_path(self.method, path):
            return ""
        near = known.similar_paths(self.method, path)
        words = f" Similar: {', '.join(near)}." if near else ""
        return f"This token may not send {self.method.upper()} {path}, or the store has no such path.{words}"

    def added(self, name: str) -> None:
        """Selects it; Enter tests it."""
        self._choosing = False
        self.draw()
        self.post_message(self.Changed())
        self.rows.choose(name)
        self.query_one(".test").focus()

    @property
    def where_to_type(self) -> str:
        return "+ adds one, found by typing."

    @property
    def has_fields(self) -> bool:
        return bool(self.setup.table(self.family)) and not self.query_one(EntityChooser).display

    def edit_field(self) -> None:
        """Opens the form of the selected configuration, also from a button; at the field that its test has refused."""
        if (name := self.rows.chosen) is not None:
            finding = self.work.refusal(self.family, name)
            self.edit(name, (self.family, name, *finding.field.split(".")) if finding and finding.field else ())

    @property
    def _is_in_chooser(self) -> bool:
        focused = self.screen.focused
        return focused is not None and self.query_one(EntityChooser) in focused.ancestors

    @property
    def is_in_use(self) -> bool:
        return super().is_in_use or self._is_in_chooser

    def focus_buttons(self) -> None:
        """Where a list was added to, the chooser closes."""
        if self._is_in_chooser and self.setup.table(self.family):
            self._choosing = False
            self.begin()
        else:
            super().focus_buttons()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """+ and d work anywhere in the step outside fields and the chooser; z after something was deleted."""
        if action == "undo_delete":
            return bool(self._deleted)
        if action == "add_another":
            return not self.is_in_use
        if action == "ask_delete":
            return not self.query_one(EntityChooser).display and not self.is_in_use
        return True

    def action_add_another(self) -> None:
        """Opens the chooser; goes back to what was typed there, where it is open."""
        if self.query_one(EntityChooser).display:
            self.screen.set_focus(self.query_one(EntityFilter))
        else:
            self.add_part()

    def action_ask_delete(self) -> None:
        if (name := self.rows.chosen) is not None:
            self.app.push_screen(
                ConfirmScreen(f"Delete the {self.family} configuration {name}?", yes="Delete", no="Keep"), self._delete
            )

    def _delete(self, yes: bool | None) -> None:
        name = self.rows.chosen
        if yes and name is not None:
            table = self.setup.table(self.family)
            index, deleted = list(table).index(name), deepcopy(table[name])
            self._deleted.append((index, name, deleted, self.setup.remove(self.family, name)))
            self.removed(name)
            self.forget()
            self.post_message(self.Changed())
            self.begin()
            self._result_of = self.rows.chosen
            self.say(f"Deleted: {name}. ^Z undoes it.")

    def action_undo_delete(self) -> None:
        """Restores what was deleted last, at its place; under another name where its own was taken meanwhile."""
        index, name, deleted, overrides = self._deleted.pop()
        there = list(self.setup.table(self.family).items())
        name = free(name, dict(there))
        self.setup.edit((self.family,), dict([*there[:index], (name, deleted), *there[index:]]))
        for environment, overridden in overrides.items():
            self.setup.edit((TABLE, environment, self.family, name), overridden)
        self._choosing = False
        self.forget()
        self.begin()
        self.choose(name)
        self.post_message(self.Changed())

    @on(OptionList.OptionSelected)
    def _edit(self, event: OptionList.OptionSelected) -> None:
        if isinstance(event.option_list, ConfigurationList) and (name := self.rows.chosen) is not None:
            event.stop()
            self.edit(name)

    def edit(self, name: str, at: FormPath = ()) -> None:
        """Opens the form of this configuration, at this field."""
        form = self.form(name)
        form.begins_at = at
        self.app.push_screen(form, lambda _: self.edited(name))

    def form(self, name: str) -> FormScreen:
        """The form of this configuration, with its pagination, source or sink."""
        raise NotImplementedError

    def passed(self, name: str) -> None:
        """Marks this configuration as tested."""
        if not self.work.is_tested(self.family, name):
            self.work.mark_tested(self.family, name)
            self.draw()

    def untested(self) -> str:
        """A line with the names of those that were not tested yet; "" if there are none."""
        others = [
            name
            for name, part in self.setup.table(self.family).items()
            if not self.work.is_tested(self.family, name) and not (isinstance(part, dict) and part.get("disabled"))
        ]
        return f"\n  Not tested yet: {listed(others, 3)}" if others else ""

    def failed(self, name: str, finding: Finding) -> None:
        """Marks this configuration as refused, with what its test has shown; a draft without secrets tests nothing."""
        if not self.work.lacks_secrets and self.work.refusal(self.family, name) != finding:
            self.work.mark_refused(self.family, name, finding=finding)
            self.draw()
            self.post_message(self.Changed())

    def edited(self, name: str) -> None:
        """Called after an edit: removes empty tables, redraws, and shows problems."""
        for key, value in list(self.setup.table(self.family, name).items()):
            if value == {}:
                self.setup.edit((self.family, name, key), None)
        self.draw()
        self.choose(name)
        self._result_of = name
        self.show_result_of(name)
        self.post_message(self.Changed())

    def test(self) -> None:
        after_pending_messages(self.screen.focused, self, self._test)

    def _test(self) -> None:
        name = self.rows.chosen
        chooser = self.query_one(EntityChooser)
        if chooser.display and (typed := self.query_one(EntityFilter).value.strip()):
            self.refuse(f"! Not tested: {typed} was not added yet.\n  +: back to adding it")
        elif self.setup.missing_store:
            self.refuse(f"✘ {self.setup.missing_store}", to_step(GuideStep.BASICS))
        elif name is None:
            self.refuse("✘ Nothing is selected yet.\n  +: choose something · n: skip this step")
        else:
            self.try_it(name)


def _way_to(name: str) -> Correction:
    """To the form of this configuration."""
    return Correction(f"Edit {name}")
