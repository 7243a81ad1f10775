"""The rows of the home screen's table in their sections; what its filter leaves, and the text of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len

from ...client.uri import public_address
from ...guide.drafts import Draft
from ...guide.profiles.overview import ProfileOverview, short_address, unread_overview
from ...guide.secret_sources import SecretPlace
from ...profile.library import base_uris
from ...text import shown_middle, shown_path
from ...units import ago, short_age

if TYPE_CHECKING:
    from ...guide.last_runs import LastRun

_DRAFTS, _RECENT, _ARCHIVED = "Unfinished", "Recent files", "Archived"
Cell = tuple[str, str]
"""A text and the name of its paint, which may be empty."""


@dataclass(frozen=True, slots=True)
class HomeColumn:
    """A column of the table. `title` fits into the width."""

    name: str
    title: str
    width: int


_WIDTHS = {
    # column: its title, a short title, width of the table from which it is shown at all, narrowest, widest
    "name": ("Profile", "Profile", 0, 14, 40),
    "title": ("Name", "Name", 118, 20, 44),
    "store": ("Store", "Store", 0, 14, 60),
    "authentication": ("Authentication", "Auth", 62, 14, 24),
    "run": ("Last run", "Run", 40, 16, 60),
    "secrets": ("Secrets", "Secrets", 71, 9, 24),
}
_FIRST_WIDENED = ("name", "store", "run", "title", "authentication", "secrets")
GAP = 2
_SHORTEST_PATH = 16
_SHORTEST_NAME = 4
"""Columns of a name that tell which it is."""
_PLACES = {
    SecretPlace.KEYRING: "keyring",
    SecretPlace.ENVIRONMENT: "env",
    SecretPlace.COMMAND: "command",
    SecretPlace.ASK: "asked",
}


def columns(width: int, needed: Mapping[str, int]) -> list[HomeColumn]:
    """The columns of a table of this width. `needed`: the widths of the longest cells, by column.

    No column is wider than it needs, so that what a short one leaves goes to the others, the name's first. A title
    becomes shorter before a cell is cut. A terminal that is being resized may have one column for a moment, and the
    table none: it has its first columns all the same, which are cut.
    """
    width = max(0, width)
    there = {name: each for name, each in _WIDTHS.items() if width >= each[2]}
    cells = _widest(width, needed)
    found = {name: min(least, cells[name]) for name, (_, _, _, least, _) in there.items()}
    left = width - sum(found.values()) - GAP * (len(there) - 1)
    titled = {name: max(len(title), cells[name]) for name, (title, *_) in there.items()}
    for widest in (cells, titled):
        for name in (each for each in _FIRST_WIDENED if each in there):
            more = max(0, min(left, widest[name] - found[name]))
            found[name] += more
            left -= more
    titles = {name: title if len(title) <= found[name] else short for name, (title, short, *_) in there.items()}
    return [HomeColumn(name, titles[name], found[name]) for name in there]


def uncut_width(width: int, needed: Mapping[str, int]) -> int:
    """The width in which no cell is cut of the columns that a table of this width has; `needed` as above."""
    widths = _widest(width, {name: needed.get(name, 0) for name in _WIDTHS}).values()
    return sum(widths) + GAP * (len(widths) - 1)


def _widest(width: int, needed: Mapping[str, int]) -> dict[str, int]:
    """The widths of the columns of a table of this width if each has what it needs."""
    there = ((name, short, most) for name, (_, short, least, _, most) in _WIDTHS.items() if width >= least)
    return {name: max(len(short), min(most, needed.get(name, most))) for name, short, most in there}


@dataclass
class HomeRows:
    """What is loaded of the table, and what of it is shown."""

    paths: Sequence[Path] = ()
    """The files of the profiles, sorted."""
    recent: Sequence[Path] = ()
    """Files elsewhere that were opened, the latest first."""
    archived: Sequence[Path] = ()
    """The files of archived profiles, where they are shown."""
    entries: dict[Path, ProfileOverview] = field(default_factory=dict)
    """The profiles that have been read."""
    drafts: Sequence[Draft] = ()
    runs: dict[Path, tuple[LastRun, ...]] = field(default_factory=dict)
    """The last run of each incoming and outgoing of a profile, the latest first."""

    def needed(self, now: float) -> dict[str, int]:
        """The widths of the longest cells, by column."""
        listed = {*self.paths, *self.archived}
        rows = [
            profile_cells(each, self.runs.get(path), now, 60)
            for path, each in self.entries.items()
            if each.read and path in listed
        ]
        rows += [draft_cells(each) for each in self.drafts]
        rows += [{"name": (path.stem, "")} for path in (*self.paths, *self.recent, *self.archived)]
        rows += [{"name": (f"✘ {each.name}", "")} for each in self.entries.values() if each.summary.problem]
        found: dict[str, int] = {}
        for row in rows:
            for name, (text, _) in row.items():
                found[name] = max(found.get(name, 0), cell_len(text))
        return found

    def values(self, column: str) -> set[str]:
        """The cells that identify a profile: its names, titles or stores; nothing for other columns."""
        if column == "name":
            return {path.stem for path in (*self.paths, *self.recent, *self.archived)}
        read = [each for each in self.entries.values() if each.read and not each.summary.problem]
        if column == "store":
            return {each.store for each in read}
        return {each.summary.title for each in read} if column == "title" else set()

    def matching(self, words: str) -> HomeRows:
        """Those rows whose name, title, store or description contain all these words."""
        terms = words.lower().split()
        if not terms:
            return self
        drafts = [
            each for each in self.drafts if _matches(terms, f"draft {each.name} {each.title} {draft_store(each)}")
        ]
        paths, recent, archived = (
            [path for path in paths if _matches(terms, self._searched(path))]
            for paths in (self.paths, self.recent, self.archived)
        )
        return HomeRows(paths, recent, archived, self.entries, drafts, self.runs)

    def _searched(self, path: Path) -> str:
        entry = self.entries.get(path)
        if entry is None:
            return str(path) if path in self.recent else path.stem
        where = f"{path} " if path in self.recent else ""
        return f"{where}{path.stem} {entry.summary.title} {entry.summary.base_uri or ''} {entry.description}"

    def __len__(self) -> int:
        """The number of profiles and drafts."""
        return len(self.paths) + len(self.drafts) + len(self.recent) + len(self.archived)

    def lines(self) -> list[Path | Draft | str]:
        """What each line of the table shows; a text is not selectable."""
        found: list[Path | Draft | str] = [*self.paths]
        for heading, rows in ((_DRAFTS, self.drafts), (_RECENT, self.recent), (_ARCHIVED, self.archived)):
            if rows:
                found += [*([""] if found else []), heading, *rows]
        return found

    def entry(self, path: Path) -> ProfileOverview:
        """What is known of a profile; of a file that was not read yet, only its name."""
        return self.entries.get(path) or unread_overview(path)


def _matches(terms: list[str], text: str) -> bool:
    lowered = text.lower()
    return all(term in lowered for term in terms)


def profile_cells(entry: ProfileOverview, runs: Sequence[LastRun] | None, now: float, room: int) -> dict[str, Cell]:
    """The cells of a profile; `runs` is None while they are not known, `room` the width of the last run."""
    summary = entry.summary
    if not entry.read:
        return {"name": (summary.name, ""), "store": ("…", "muted")}
    return {
        "name": (summary.name, "title"),
        "title": (summary.title if summary.title != summary.name else "", ""),
        "store": (entry.store or "no address", "" if entry.store else "muted"),
        "authentication": (entry.authentication or "none", "" if entry.authentication else "muted"),
        "run": ("shared ledger", "muted") if entry.shares_ledger and not runs else run_cell(runs, now, room),
        "secrets": (_secrets_cell(entry) or "none", ""),
    }


def _secrets_cell(entry: ProfileOverview) -> str:
    """How many secrets come from where; variables that are not set are named as such."""
    if entry.is_demo:
        return f"{sum(entry.secrets.values())} by demo" if entry.secrets else ""
    words = {place: f"{number} {_PLACES[place]}" for place, number in entry.secrets.items()}
    if entry.unset:
        all_unset = entry.unset == entry.secrets[SecretPlace.ENVIRONMENT]
        some = "" if all_unset else f"{words[SecretPlace.ENVIRONMENT]}, "
        words[SecretPlace.ENVIRONMENT] = f"{some}{entry.unset} not set"
    return ", ".join(words.values())


def recent_cells(entry: ProfileOverview, home: Path, room: int) -> list[Cell]:
    """The cells of a file elsewhere: its name and, in this room, its path with its problem or its store."""
    path, problem = short_path(entry.path, home), entry.summary.problem
    more = f": {problem}" if problem else f" · {entry.store}" if entry.store else ""
    left = room - len(more)
    if len(path) > left:
        left, more = (left, more) if left >= _SHORTEST_PATH else (room, "")
        path = shown_path(path, left)
    name, paints = (f"✘ {entry.name}", ("error", "error")) if problem else (entry.name, ("title", "muted"))
    return [(name, paints[0]), (f"{path}{more}", paints[1])]


def short_path(path: Path, home: Path) -> str:
    """The path with "~" for the home directory."""
    try:
        return f"~/{path.relative_to(home)}"
    except ValueError:
        return str(path)


def run_cell(runs: Sequence[LastRun] | None, now: float, room: int) -> Cell:
    """The latest run: what was run, and its age, shorter where there is no room; the preview tells its outcome.

    `runs` is None until they are known.
    """
    if not runs:
        return ("…" if runs is None else "never", "muted")
    latest = runs[0]
    age = f", {ago(now - latest.at)}"
    name = f"undo of {latest.label}" if latest.undo else latest.label
    if len(name) + len(age) + 2 > room:
        age = f", {short_age(now - latest.at)}"
    left = room - len(age) - 2
    if latest.undo and len(name) > left:
        name = "undo"
    if left < min(len(name), _SHORTEST_NAME):
        return f"{latest.mark} {ago(now - latest.at)}", latest.tone
    return f"{latest.mark} {shown_middle(name, left)}{age}", latest.tone


def draft_cells(draft: Draft) -> dict[str, Cell]:
    """The cells of a draft: what it is of, and how far its store is set up; it has no runs, and no secrets."""
    name = Path(draft.profile).stem if draft.profile else draft.name
    store = draft_store(draft)
    return {
        "name": (f"○ {name or 'new store'}", "warning"),
        "title": (draft.title, ""),
        "store": (f"step {draft.step} · {store or 'no address yet'}", "" if store else "muted"),
    }


def draft_store(draft: Draft) -> str:
    """The store of a draft, as far as it was entered."""
    typed = draft.about.get("typed-address")
    known = public_address(next(base_uris(draft.data), None) or "")
    return short_address(known or (typed if isinstance(typed, str) else ""))
