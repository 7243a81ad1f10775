"""The status of the parts of a profile: their tests, their last runs, and their secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from textual.content import Content

from ...guide.checks.check import CheckResult
from ...guide.last_runs import LastRun
from ...guide.secret_states import SecretState
from ...guide.steps.summaries import ProfilePart
from ...templates import Json
from ...text import count, direction_option, shown, shown_line
from ...units import ago
from ..widgets import highlight
from ..widgets.frame import TONES


class PartStatus:
    """The status of the parts of one profile, and how the page shows it. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._tests: dict[tuple[str, str], tuple[CheckResult, float]] = {}
        self.testing: ProfilePart | None = None
        """The part that is being tested."""
        self.runs: Mapping[str, LastRun] = {}
        """The last runs of incomings."""
        self.sent: Mapping[str, LastRun] = {}
        """The last runs of outgoings."""
        self.no_runs = ""
        """Why it is not known when a part was run; "" if it is."""
        self.secrets: Sequence[SecretState] = []
        self._data: Mapping[str, Json] = {}

    def tested(self, part: ProfilePart, result: CheckResult, at: float) -> None:
        """Records the result of a test."""
        self.testing = None
        self._tests[part.family, part.name] = result, at

    def changed(self, family: str, name: str) -> None:
        """Discards the result of a part's test."""
        self._tests.pop((family, name), None)

    def data_read(self, data: Mapping[str, Json]) -> None:
        """Takes the profile as it is in the file now."""
        if data != self._data:
            self._discard_failures()
        self._data = data

    def secrets_found(self, states: Sequence[SecretState]) -> None:
        """Takes the states of the secrets as they are now."""
        if self.secrets and states != self.secrets:
            self._discard_failures()
        self.secrets = states

    def _discard_failures(self) -> None:
        """Discards failed tests: what they found may have been fixed since."""
        self._tests = {part: tested for part, tested in self._tests.items() if tested[0].ok}

    def secrets_of(self, part: ProfilePart) -> list[SecretState]:
        return [state for state in self.secrets if state.path[:2] == (part.family, part.name)]

    def mark(self, part: ProfilePart) -> tuple[str, str]:
        """One character for the part, and its tone."""
        if part == self.testing:
            return "…", "muted"
        if (tested := self._tests.get((part.family, part.name))) is not None:
            return ("✔", "success") if tested[0].ok else ("✘", "error")
        secrets = self.secrets_of(part)
        if any(state.ok is False for state in secrets):
            return "✘", "error"
        return ("!", "warning") if any(state.for_session for state in secrets) else (" ", "")

    def detail(self, part: ProfilePart, now: float, text: str, *, wide: bool, arguments: str = "") -> Iterator[Content]:
        """A part in lines: its test, its last run, its secrets, and on a wide screen its settings, from `text`.

        `arguments`: the profile and its environment as the arguments of a command.
        """
        if (tested := self._tests.get((part.family, part.name))) is not None:
            tone = TONES["success" if tested[0].ok else "error"]
            yield Content.assemble((shown(_result_text(tested[0], now - tested[1])), tone))
        if part.family in ("incoming", "outgoing"):
            sends = part.family == "outgoing"
            run = (self.sent if sends else self.runs).get(part.name)
            never = "No run yet. r shows what it would change." if sends else "No run yet. r runs it."
            never = f"Last run: {self.no_runs}" if self.no_runs else never
            words = f"Last run: {run.summary}, {ago(now - run.at)}" if run else never
            yield Content.assemble((shown_line(words), TONES[run.tone if run else "muted"]))
        yield from self._secret_lines(part, wide=wide)
        if wide and text:
            if part.family != "clients":
                yield Content("")
            yield highlight.toml(text)
            if part.family in ("incoming", "outgoing"):
                yield Content.assemble("\n", ("In a shell, and on a schedule:", TONES["muted"]))
                tables = [self._data.get(family) for family in ("incoming", "outgoing")]
                words = f"{arguments} {shown_line(part.name)}"
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


def _result_text(result: CheckResult, seconds: float) -> str:
    finding = result.finding
    if finding is None:
        return f"{'✔' if result.ok else '✘'} {result.summary} · {ago(seconds)}"
    evidence = "".join(f"\n   {line}" for line in finding.evidence[:2])
    return f"✘ {finding.summary} · {ago(seconds)}\n   → {finding.remedy}{evidence}"
