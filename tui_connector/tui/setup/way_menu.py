"""What can be chosen as the way to authenticate: the guide's ways, others, what is saved, and several in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...guide import offered
from ...guide.setup import Setup
from ...guide.words import WAYS

OTHER = "other"


@dataclass
class Entries:
    """The options of the menu, by an id; each does something to the setup."""

    chosen: str
    options: dict[str, str] = field(default_factory=dict)
    _takes: dict[str, Callable[[], None]] = field(default_factory=dict)

    def add(self, option: str, words: str, take: Callable[[], None] | None = None) -> None:
        self.options[option] = words
        if take is not None:
            self._takes[option] = take

    def take(self, option: str) -> None:
        """Does what this option stands for."""
        self._takes[option]()


def entries(setup: Setup) -> Entries:
    """The menu for this setup, as it stands."""
    titles: Mapping[str, str] = {**offered.authentications(), **{way: words.title for way, words in WAYS.items()}}
    applied = setup.applied()
    shown = setup.authentication if setup.authentication in applied and len(applied) > 1 else ""
    menu = Entries(f"use {shown}" if shown else f"way {setup.way}")
    for way in setup.ways():
        menu.add(f"way {way}", titles[way], lambda way=way: setup.choose_way(way))  # type: ignore[misc]
    if setup.way not in setup.ways():
        menu.add(f"way {setup.way}", titles.get(setup.way, setup.way), lambda: None)
    menu.add(OTHER, "Other ▸  basic, query parameter, a header, …")
    for name, saved in setup.table("authentications").items():
        if name in applied and len(applied) == 1 and name == setup.authentication:
            continue
        kind = str(saved.get("kind", "")) if isinstance(saved, dict) else ""
        words = f"{'Applied' if name in applied else 'Saved'}: {name} ({titles.get(kind, kind).partition(' (')[0]})"
        menu.add(f"use {name}", words, lambda name=name: setup.use(name))  # type: ignore[misc]
    if applied:
        menu.add("another", "+ one more, applied after this one", lambda: setup.another("basic"))
    if len(applied) > 1 and setup.authentication in applied:
        place = applied.index(setup.authentication)
        if place:
            earlier = [*applied]
            earlier[place - 1], earlier[place] = earlier[place], earlier[place - 1]
            menu.add("earlier", f"↑ apply {setup.authentication} before {earlier[place]}", lambda: setup.apply(earlier))
        menu.add("drop", f"- no longer apply {setup.authentication}", lambda: setup.drop(setup.authentication))
    return menu
