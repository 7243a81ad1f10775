"""What home shows beside its table of the row under the cursor."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ...client.uri import public_address
from ...guide.drafts import Draft
from ...guide.profiles.overview import ProfileOverview
from ...text import shown_line, shown_path
from ...units import ago
from ..widgets.frame import TONES
from .rows import draft_store, short_path

if TYPE_CHECKING:
    from ...guide.last_runs import LastRun

_DEMO = "Opening it starts the store, with fresh data each time."
_LABEL, _INDENT, _MOST_LINES = 15, 2, 4
_ROOMY = 12
"""Lines above which there is room for everything."""
_TALL = 24
"""Lines from which the parts of a profile are listed although not all of them fit."""
_STEPS = ("Basics and plugins", "Authentication", "Incoming", "Outgoing", "Save")
Line = tuple[tuple[str, str], ...]
"""Texts with their styles."""


class Preview(Static):
    """What is under the cursor of the table, as far as there is room for it."""

    class Resized(Message):
        """There is more or less room than before."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())


def profile_preview(
    entry: ProfileOverview, runs: Sequence[LastRun] | None, now: float, width: int, height: int, home: Path
) -> Content:
    """The profile in as many lines as there is room for, the most telling first; `runs` is None while not known."""
    summary = entry.summary
    beside, below = (shown_path(short_path(summary.path, home), width - taken) for taken in (_LABEL, _INDENT))
    if summary.problem:
        lines: list[Line] = [
            (("✘ ", TONES["error"]), (summary.problem, TONES["error"])),
            _row("File", beside),
            (("Enter shows what to do about it.", TONES["muted"]),),
        ]
    elif not entry.read:
        lines = [(("Reading …", TONES["muted"]),)]
    else:
        lines = list(_profile_lines(entry, runs, now, below, width)) if height > _ROOMY else []
        if len(lines) > height:
            lines = [each for each in lines if each]
        if not lines or len(lines) > height < _TALL:
            lines = _profile_rows(entry, now, beside, height)
    return _assemble(lines, width)


def _profile_rows(entry: ProfileOverview, now: float, path: str, height: int) -> list[Line]:
    """The profile in one line for each of its facts, the most telling ones where not all fit."""
    summary = entry.summary
    description = _DEMO if entry.is_demo else entry.description
    title: Line = ((summary.title, "bold"), (f"  {description}" if description else "", TONES["muted"]))
    facts = [  # with the line from which on each is shown
        (5, "Store", _store(entry)),
        (6, "Authentication", entry.authentication or "none"),
        (7, "Secrets", entry.secret_words or "none"),
        (9, "Clients", ", ".join(entry.clients) if len(entry.clients) > 1 else ""),
        (8, "Environments", ", ".join(entry.environments)),
        (0, "Incoming", ", ".join(entry.incoming) or "none"),
        (0, "Outgoing", ", ".join(entry.outgoing) or "none"),
        (0, "File", path),
        (8, "Changed", ago(now - summary.modified) if summary.modified is not None else ""),
    ]
    return [title, *(_row(label, text) for least, label, text in facts if text and least <= height)]


def _profile_lines(
    entry: ProfileOverview, runs: Sequence[LastRun] | None, now: float, path: str, width: int
) -> Iterator[Line]:
    """All of the profile, with a line for each of its parts."""
    summary = entry.summary
    yield ((summary.title, "bold"),)
    yield ((_store(entry, width), TONES["accent"]),)
    for text in ([_DEMO] if entry.is_demo else []) + [shown_line(entry.description)]:
        for line in wrap(text, max(20, width))[:_MOST_LINES]:
            yield ((line, TONES["muted"]),)
    yield ()
    yield from _rows("Authentication", entry.authentication or "none", width)
    yield from _rows("Secrets", entry.secret_words or "none", width)
    if len(entry.clients) > 1:
        yield from _rows("Clients", ", ".join(entry.clients), width)
    if entry.environments:
        yield from _rows("Environments", ", ".join(entry.environments), width)
    yield from _rows("File", path, width)
    yield _row("Changed", ago(now - summary.modified) if summary.modified is not None else "")
    if entry.shares_ledger:
        yield _row("Runs", "in a shared ledger: L asks it")
    unknown, runs = runs is None or (entry.shares_ledger and not runs), runs or ()
    yield ()
    yield (("Incoming", "bold"), ("" if entry.incoming else "  none", TONES["muted"]))
    yield from _runs(entry.incoming, [run for run in runs if not run.sends], "" if unknown else "never run", now)
    yield ()
    yield (("Outgoing", "bold"), ("" if entry.outgoing else "  none", TONES["muted"]))
    yield from _runs(entry.outgoing, [run for run in runs if run.sends], "" if unknown else "never sent", now)


def _store(entry: ProfileOverview, width: int | None = None) -> str:
    """Its address, with the environment that has it where there are several, and the room for both."""
    address = public_address(entry.summary.base_uri or "") or "no address yet"
    named = f"{address} ({entry.environments[0]})" if entry.environments else address
    return named if width is None or len(named) <= width else address


def _runs(names: Sequence[str], runs: Sequence[LastRun], never: str, now: float) -> Iterator[Line]:
    by_name = {run.name: run for run in runs}
    width = max(map(len, names), default=0)
    for name in names:
        run = by_name.get(name)
        if run is None:
            yield (
                ("  ○ " if never else "    ", TONES["muted"]),
                (f"{name:<{width}}", ""),
                (f"  {never}", TONES["muted"]),
            )
        else:
            tone = TONES[run.tone]
            state = "" if run.state in ("complete", "ended") else run.ending  # the mark says so
            said = ", ".join(filter(None, (run.environment, run.undo, state, run.counts_text)))
            yield (f"  {run.mark} ", tone), (f"{name:<{width}}", ""), (f"  {ago(now - run.at)}", TONES["muted"])
            yield ((f"    {said}", tone if run.is_failure else ""),)


def recent_runs(
    runs: Mapping[Path, Sequence[LastRun]], listed: Container[Path], now: float, width: int, height: int
) -> Content:
    """The newest runs of the listed profiles, one a line, with the reason of those that are not complete."""
    found = [(path.stem, run) for path, those in runs.items() if path in listed for run in those]
    found.sort(key=lambda each: (each[1].age_rank, not each[1].is_failure))
    found = found[:height]
    names = max((len(f"{profile} {run.label}") for profile, run in found), default=0)
    lines: list[Line] = []
    for profile, run in found:
        tone = TONES[run.tone]
        reason = f" · {run.why}" if run.why else ""
        lines.append(
            (
                (f"{run.mark} ", tone),
                (f"{f'{profile} {run.label}':<{min(names, 40)}}", ""),
                (f"  {ago(now - run.at):>11}  ", TONES["muted"]),
                (run.outcome, ""),
                (reason, tone),
            )
        )
    return _assemble(lines, width)


def draft_preview(draft: Draft, now: float, width: int, height: int, home: Path, *, has_secrets: bool) -> Content:
    """The draft: what it changes, how far it is, and what can be done with it.

    `has_secrets`: the secrets that were entered for it are still in memory.
    """
    changes = f"Unsaved changes to {Path(draft.profile).stem}" if draft.profile else "A new profile, not saved yet"
    title, roomy = draft.title or draft.name, height > _ROOMY
    keys: Line = (
        ("Enter", "bold $accent"),
        (" resumes, ", TONES["muted"]),
        ("d", "bold $accent"),
        (" discards it.", TONES["muted"]),
    )
    kept = "Secrets are kept until you quit. " if has_secrets else "Secrets are not kept in a draft. "
    secrets = (kept, TONES["muted"])
    rows = [
        ("Store", draft_store(draft) or "no address yet"),
        ("Step", f"{draft.step} {_STEPS[draft.step - 1]}, left {ago(now - draft.kept_at)}"),
    ]
    path = shown_path(short_path(Path(draft.profile or ""), home), width - (_INDENT if roomy else _LABEL))
    file = [("File", path)] if draft.profile else []
    lines: list[Line]
    if roomy:
        lines = [((title, "bold"),), ((changes, TONES["warning"]),), ()]
        lines += [line for label, text in [*rows, *file] for line in _rows(label, text, width)]
        lines += [(), (secrets,), keys]
    else:
        lines = [((title, "bold"), (f"  {changes}", TONES["warning"]))]
        lines += [*(_row(*row) for row in rows), (secrets, *keys), *(_row(*row) for row in file)]
    return _assemble(lines, width)


def _row(label: str, text: str) -> Line:
    return ((f"{label:<{_LABEL}}", TONES["muted"]), (text, ""))


def _rows(label: str, text: str, width: int) -> Iterator[Line]:
    """The text beside its label, or below it where that is too long."""
    if len(text) <= width - _LABEL:
        yield _row(label, text)
    else:
        yield _row(label, "")
        for line in wrap(text, max(20, width - _INDENT))[:_MOST_LINES]:
            yield ((f"  {line}", ""),)


def _assemble(lines: Sequence[Line], width: int) -> Content:
    """The lines, each cut at this width."""
    found = []
    for line in lines:
        room, parts = width, []
        for text, style in line:
            text = shown_line(text, max(0, room)) if room > 0 else ""
            room -= len(text)
            parts.append((text, style))
        found.append(Content.assemble(*parts))
    return Content("\n").join(found)
