"""What can be chosen as the way to authenticate: the guide's ways, others, what is saved, and several in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ...guide.steps import kind_schemas
from ...guide.steps.setup import Setup

OTHER = "other"


@dataclass
class MethodMenu:
    """The options of the menu, by an id; each does something to the setup."""

    chosen: str
    options: dict[str, str] = field(default_factory=dict)
    also: dict[str, str] = field(default_factory=dict)
    """Words by which options are found, besides their titles."""
    stays: set[str] = field(default_factory=set)
    """The options that change what is applied, and in which order: others of them are often chosen next."""
    _takes: dict[str, Callable[[], None]] = field(default_factory=dict)

    def add(self, option: str, words: str, take: Callable[[], None] | None = None) -> None:
        self.options[option] = words
        if take is not None:
            self._takes[option] = take

    def take(self, option: str) -> None:
        """Does what this option stands for."""
        self._takes[option]()


def entries(setup: Setup) -> MethodMenu:
    """The menu for this setup, as it is."""
    titles, known = kind_schemas.authentications(), kind_schemas.authentication_words()
    applied = setup.applied()
    shown = setup.authentication if setup.authentication in applied and len(applied) > 1 else ""
    menu = MethodMenu(f"use {shown}" if shown else f"way {setup.auth_kind}")
    for way in setup.offered_kinds():
        menu.add(f"way {way}", titles[way], lambda way=way: setup.choose_kind(way))  # type: ignore[misc]
    if setup.auth_kind not in setup.offered_kinds():
        menu.add(f"way {setup.auth_kind}", titles.get(setup.auth_kind, setup.auth_kind), lambda: None)
    menu.add(OTHER, "Other ▸  basic, query parameter, a header, …")
    menu.also = {f"way {kind}": known.get(kind, "") for kind in (*setup.offered_kinds(), setup.auth_kind)}
    others = (f"{titles[kind]} {known[kind]}" for kind in titles if kind not in setup.offered_kinds())
    menu.also[OTHER] = " ".join(others).lower()
    for name, saved in setup.table("authentications").items():
        if name in applied and len(applied) == 1 and name == setup.authentication:
            continue
        kind = str(saved.get("kind", "")) if isinstance(saved, dict) else ""
        words = f"{'Applied' if name in applied else 'Saved'}: {name} ({titles.get(kind, kind).partition(' (')[0]})"
        if name in applied:
            menu.stays.add(f"use {name}")
        menu.add(f"use {name}", words, lambda name=name: setup.show_authentication(name))  # type: ignore[misc]
    if applied:
        menu.add("another", "+ Add another, applied after this one", lambda: setup.new_authentication("basic"))
    if len(applied) > 1 and setup.authentication in applied:
        place = applied.index(setup.authentication)
        if place:
            earlier = [*applied]
            earlier[place - 1], earlier[place] = earlier[place], earlier[place - 1]
            menu.add("earlier", f"↑ apply {setup.authentication} before {earlier[place]}", lambda: setup.apply(earlier))
        menu.add(
            "drop",
            f"- no longer apply {setup.authentication}",
            lambda: setup.remove_authentication(setup.authentication),
        )
        menu.stays |= {"earlier", "drop"}
    return menu


def where_applied(setup: Setup) -> str:
    """The client that uses what is shown, where there are several, and its place among its authentications."""
    applied = setup.applied()
    order = " → ".join(applied)
    client = f"Client {setup.client}. " if len(setup.table("clients")) > 1 else ""
    if applied and setup.authentication not in applied:
        return f"A new one for the client {setup.client}, applied after {order}."
    return client + (f"Applied in order: {order}. Shown: {setup.authentication}." if len(applied) > 1 else "")
