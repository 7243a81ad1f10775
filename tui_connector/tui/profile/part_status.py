"""The status of the parts of a profile: their tests, their last runs, and their secrets."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from textual.content import Content

from ...guide.checks.check import CheckResult
from ...guide.last_runs import LastRun
from ...guide.profiles.saved_profile import OpenedProfile, base_keys
from ...guide.secret_states import SecretState
from ...guide.steps.summaries import ProfilePart
from ...incoming.start import is_resumed_after
from ...profile.environment_names import TABLE
from ...profile.model import ModelPath, Profile
from ...profile.positions import value_at
from ...profile.problems import Problem
from ...profile.used_parts import used_of
from ...templates import Json
from ...text import count, direction_option, shown, shown_line
from ...units import ago, short_age
from ..toml_editor.panels import fix_note
from ..widgets import highlight
from ..widgets.frame import TONES
from ..widgets.item_table import lines


@dataclass(frozen=True, slots=True)
class RowStatus:
    """The status of a part in its row; each of the texts has a tone (a key of `TONES`, or empty)."""

    mark: tuple[str, str] = (" ", "")
    """One character."""
    problems: str = ""
    """Such as "2 problems"; empty where there are none."""
    run: tuple[str, str] = ("", "")
    """The result of the last run and its age, such as "✔ 5 min"."""


_TONES = {"✔": "success", "!": "warning", "✘": "error", "–": "muted"}


def _mark_of(result: CheckResult) -> tuple[str, str]:
    """The mark of a test, and its tone."""
    return result.mark, _TONES[result.mark]


@dataclass(frozen=True, slots=True)
class _Test:
    """The last test of a part: its result, when it was, and what the profile said of the part."""

    result: CheckResult
    at: float
    said: Json


def _said_of(data: Mapping[str, Json], family: str, name: str) -> Json:
    """What a profile says of a part, and of what its requests depend on."""
    return [value_at(data, keys) for keys in ((family, name), ("clients",), ("authentications",))]


class PartStatus:
    """The status of the parts of one profile, and how the page shows it. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._tests: dict[tuple[str, str], _Test] = {}
        self._being_tested: Json = None
        """What the profile said of the part that is being tested."""
        self._elsewhere: list[tuple[_Test, str, str]] = []
        """Tests on other screens that are not recorded yet."""
        self.testing: ProfilePart | None = None
        """The part that is being tested."""
        self.runs: Mapping[str, LastRun] = {}
        """The last runs of incomings."""
        self.sent: Mapping[str, LastRun] = {}
        """The last runs of outgoings."""
        self.changed: Set[tuple[str, str]] = frozenset()
        """The parts whose settings are not those of their last run."""
        self.no_runs = ""
        """Why it is not known when a part was run; "" if it is."""
        self.secrets: Sequence[SecretState] = []
        self._data: Mapping[str, Json] = {}
        self._problems: Callable[[str, str], Sequence[Problem]] = lambda *_: ()
        self._remarks: Callable[[str, str], Sequence[Problem]] = lambda *_: ()
        self._profile: Profile | None = None

    def test_begins(self, part: ProfilePart) -> None:
        """The part is tested as it is now."""
        self.testing = part
        self._being_tested = _said_of(self._data, part.family, part.name)

    def tested(self, part: ProfilePart, result: CheckResult, at: float) -> None:
        """Records the result of a test."""
        self.testing = None
        self._record(_Test(result, at, self._being_tested), part.family, part.name)

    def tested_elsewhere(
        self, family: str, name: str, result: CheckResult, at: float, data: Mapping[str, Json]
    ) -> None:
        """Takes the result of a test on another screen, with the profile as it was there.

        It is recorded once the secrets are known as they are now: those that it used may have been entered there.
        """
        self._elsewhere.append((_Test(result, at, _said_of(data, family, name)), family, name))

    def _record(self, test: _Test, family: str, name: str) -> None:
        """Records the test. Where a client or an authentication is accepted at last, so may be what it sends."""
        last = self._tests.get((family, name))
        self._tests[family, name] = test
        was_accepted = last is not None and last.result.ok and last.said == test.said
        if not was_accepted and test.result.ok and test.result.is_tested and family in ("clients", "authentications"):
            self._tests = {
                part: each
                for part, each in self._tests.items()
                if each.result.ok or each.at > test.at or not self._uses(part, family, name)
            }

    def _uses(self, part: tuple[str, str], family: str, name: str) -> bool:
        """Whether the requests of a part need this client or authentication."""
        if self._profile is None:
            return True
        used = used_of(self._profile, [part])
        return name in (used.clients if family == "clients" else used.authentications)

    def _test_of(self, part: ProfilePart) -> _Test | None:
        """The last test of a part, if it was of the part as it is now."""
        test = self._tests.get((part.family, part.name))
        return test if test is not None and test.said == _said_of(self._data, part.family, part.name) else None

    def read(self, opened: OpenedProfile) -> None:
        """Takes the profile as it is in the file now; a result counts while its part is as it was tested."""
        if opened.data != self._data:
            self._discard_failures()
        self._data, self._profile = opened.data, opened.profile
        self._problems, self._remarks = opened.problems_of, opened.remarks_of

    def secrets_found(self, states: Sequence[SecretState]) -> None:
        """Takes the states of the secrets as they are now."""
        if self.secrets and states != self.secrets:
            self._discard_failures()
        self.secrets = states
        for test, family, name in self._elsewhere:
            last = self._tests.get((family, name))
            if last is None or last.at <= test.at:
                self._record(test, family, name)
        self._elsewhere.clear()

    def _discard_failures(self) -> None:
        """Discards failed tests: what they found may have been fixed since."""
        self._tests = {part: test for part, test in self._tests.items() if test.result.ok}

    @property
    def missing(self) -> set[ModelPath]:
        """The secrets that have no value, as far as that is known."""
        return {state.path for state in self.secrets if state.ok is False}

    def secrets_of(self, part: ProfilePart) -> list[SecretState]:
        return [state for state in self.secrets if state.path[:2] == (part.family, part.name)]

    def row(self, part: ProfilePart, now: float, *, busy: bool) -> RowStatus:
        """What the row of the part shows; `busy`: something is done to it now."""
        found, last = len(self._problems(part.family, part.name)), self.last_run(part)
        run = ("", "")
        if last is not None:
            changed = " · changed" if (part.family, part.name) in self.changed else ""
            run = f"{last.mark} {short_age(now - last.at)}{changed}", "success" if last.ok else "error"
        mark = ("…", "muted") if busy else self._mark(part)
        return RowStatus(mark, count(found, "problem") if found else "", run)

    @property
    def has_run_under_way(self) -> bool:
        """Whether a run has not ended."""
        return any(run.is_under_way for run in (*self.runs.values(), *self.sent.values()))

    def last_run(self, part: ProfilePart) -> LastRun | None:
        return {"incoming": self.runs, "outgoing": self.sent}.get(part.family, {}).get(part.name)

    def next_run(self, part: ProfilePart) -> str:
        """What the key that runs the part does with it."""
        last = self.last_run(part)
        if part.family != "incoming":
            return "Plan" if part.family == "outgoing" else "Run"
        is_same = (part.family, part.name) not in self.changed
        resumes = last is not None and not last.is_under_way and is_same and is_resumed_after(last.state, last.code)
        return "Resume" if resumes else "Run"

    def _mark(self, part: ProfilePart) -> tuple[str, str]:
        if self._problems(part.family, part.name):
            return "✘", "error"
        if part == self.testing:
            return "…", "muted"
        test = self._test_of(part)
        is_remarked = bool(self._remarks(part.family, part.name))
        if test is not None and test.result.is_tested and not (test.result.ok and is_remarked):
            return _mark_of(test.result)
        secrets = self.secrets_of(part)
        if any(state.ok is False for state in secrets):
            return "✘", "error"
        if is_remarked or any(state.for_session for state in secrets):
            return "!", "warning"
        return (" ", "") if test is None else _mark_of(test.result)

    def _first_columns(self, part: ProfilePart) -> list[str]:
        keys = (("identifier",), ("incremental", "field"))
        found = [value_at(self._data, (part.family, part.name, *each)) for each in keys]
        return [each for each in found if isinstance(each, str)]

    def detail(
        self, part: ProfilePart, now: float, text: str, *, wide: bool, width: int, arguments: str = ""
    ) -> Iterator[Content]:
        """A part in lines: its test, its last run, its secrets, and on a wide screen its settings, from `text`.

        `width`: that of the table of first items, in columns. `arguments`: the profile and its environment as the
        arguments of a command.
        """
        of = (part.family, part.name)
        for mark, tone, found in (("✘", "error", self._problems(*of)), ("!", "warning", self._remarks(*of))):
            for problem in found:
                environment = f" ({problem.keys[1]})" if problem.keys[:1] == (TABLE,) else ""
                words = f"{mark} line {problem.line}{environment}: {_within(problem)}"
                yield Content.assemble((shown_line(words), TONES[tone]), fix_note(problem, "a"))
        if (test := self._test_of(part)) is not None:
            result = test.result
            tone = TONES[_mark_of(result)[1]]
            yield Content.assemble((shown(_result_text(result, now - test.at)), tone))
            if result.written is not None and result.written.items:
                yield from lines(result.written.items, *self._first_columns(part), width=width)
        if part.family in ("incoming", "outgoing"):
            run = self.last_run(part)
            never = (
                "No run yet. r shows what it would change." if part.family == "outgoing" else "No run yet. r runs it."
            )
            never = (
                f"Last run: {self.no_runs}" if self.no_runs else never if self._profile is not None else "No run yet."
            )
            words = f"Last run: {run.summary}, {ago(now - run.at)}" if run else never
            if run is not None and run.is_unreadable:
                words = f"Last run: {run.summary}: {run.reason}"
            yield Content.assemble((shown_line(words), TONES[run.tone if run else "muted"]))
            if (part.family, part.name) in self.changed:
                more = ": the next one starts over" if part.family == "incoming" else ""
                yield Content.assemble((f"! Settings changed since that run{more}.", TONES["warning"]))
        yield from self._secret_lines(part, wide=wide)
        if wide and text:
            if part.family != "clients":
                yield Content("")
            yield highlight.toml(text)
            if part.family in ("incoming", "outgoing") and self._profile is not None:
                yield Content.assemble("\n", ("In a shell, and on a schedule:", TONES["muted"]))
                tables = [self._data.get(family) for family in ("incoming", "outgoing")]
                words = f"{arguments} {shown_line(shlex.quote(part.name))}"
                only = direction_option(part.family, part.name, tables)
                yield Content(f"tui-connector run {words}{only}")
                yield Content(f'tui-connector schedule {words} "0 3 * * *"{only} --print cron')
        elif wide or part.family == "clients":
            for words in part.summary.split(" · "):
                yield Content.assemble((shown_line(words), TONES["muted"]))

    def _secret_lines(self, part: ProfilePart, *, wide: bool) -> Iterator[Content]:
        secrets = self.secrets_of(part)
        if limited := sum(state.for_session for state in secrets):
            later = "set its variable" if limited == 1 else "set their variables"
            words = f"! {count(limited, 'secret')} for this session only: later, {later}"
            yield Content.assemble((words, TONES["warning"]))
            if not wide:
                secrets = [state for state in secrets if not state.for_session]
        for state in secrets:
            tone = "warning" if state.for_session else {True: "success", False: "error", None: "muted"}[state.ok]
            name = ".".join(map(str, state.path[2:]))
            yield Content.assemble(
                (f"{state.mark} ", TONES[tone]), f"{name}  ", (shown_line(state.text), TONES["muted"])
            )


def _within(problem: Problem) -> str:
    """The key within its part, and what is wrong with it."""
    where = ".".join(map(str, base_keys(problem.keys)[2:]))
    return f"{where}: {problem.brief}" if where else problem.brief


def _result_text(result: CheckResult, seconds: float) -> str:
    finding = result.finding
    if finding is None:
        warnings = "".join(f"\n! {each.summary}{_remedy_line(each.remedy)}" for each in result.warnings)
        return f"{_mark_of(result)[0]} {result.summary} · {ago(seconds)}{warnings}"
    evidence = "".join(f"\n   {line}" for line in finding.evidence[:2])
    return f"✘ {finding.summary} · {ago(seconds)}{_remedy_line(finding.remedy_by_command)}{evidence}"


def _remedy_line(remedy: str) -> str:
    return f"\n   → {remedy}" if remedy else ""
