"""What step 5 says once the profile is saved: what is where, the call that proved it, and commands to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...guide.checks.first_call import FirstCall, commands
from ...guide.profiles.save import SaveResult
from ...guide.secret_sources import SecretPlace
from ...guide.steps.methods import STEP_OF, GuideStep
from ...guide.steps.setup import Setup
from ...guide.trust import capability_lines
from ...text import count, shown_line
from .context import GuideContext

_LONGEST = 200
"""Columns of what a test has said."""
_TITLES = {"clients": "client", "authentications": "authentication", "incoming": "incoming", "outgoing": "outgoing"}


def save_summary(
    work: GuideContext, saved: SaveResult, call: FirstCall | None, copy: Path | None, problems: str, *, existed: bool
) -> str:
    """The lines about a saved profile.

    `call`: that of a new process, if one was made; `copy`: where the file is kept that this one has replaced;
    `problems`: what is invalid in the profile. `existed`: it was saved before, so new capabilities are listed.
    """
    ready = _commands(work, saved.profile)
    lines = [f"✔ Saved: {saved.profile}"]
    if stored := saved.keyring:
        lines.append(f"  {count(len(stored), 'secret')} in the keyring, under {stored[0].partition('/')[0]}/")
    if call is not None:
        result = "status 200 from a new process" if call.ok else f"failed:\n{call.log[-600:]}"
        lines.append(f"{'✔' if call.ok else '✘'} {next(iter(ready))}: {result}")
    if copy is not None:
        lines.append(f"  What the file had before is kept in {copy}")
    lines += [f"! {note}." for note in saved.notes] + marked_as_wrong(work)
    if existed and (allowed := capability_lines(saved.allowed)):
        lines += ["  Trusted with it:", *(f"    {each}" for each in allowed)]
    if not saved.trusted and not problems:
        lines.append("! It is not trusted yet: you will be asked again before it is used.")
    width, unset = max(map(len, ready)), unset_variables(work, saved)
    usable = [
        f"Set up: {_parts(work.setup)}.",
        "Now you can, once the variables below are set:" if unset else "Now you can:",
        *(f"  {command:<{width}}  {does}" for command, does in ready.items()),
    ]
    lines += [f"! The profile is invalid:\n{problems}", "q: back."] if problems else usable
    return "\n".join([*lines, *_later(work, unset)])


def marked_as_wrong(work: GuideContext) -> list[str]:
    """Why steps whose parts are valid are marked with ✘, one line each, with the step where that is corrected."""
    refused = work.refusals().items()
    found = [
        (step, path[1], each.summary) for path, each in refused for family, step in STEP_OF.items() if path[0] == family
    ]
    samples = work.setup.sample_problems()
    found = [each for each in found if each[0] is not GuideStep.OUTGOING or each[1] not in samples]
    found += [(GuideStep.OUTGOING, name, f"{why} (E there corrects it)") for name, why in samples.items()]
    return [f"! Step {step.value}, {name}: {shown_line(why, _LONGEST)}" for step, name, why in sorted(found)]


def unset_variables(work: GuideContext, saved: SaveResult) -> list[str]:
    """The variables that the profile needs and that are not set."""
    return [each for each in saved.environment if not work.workbench.machine.environ.get(each)]


def _parts(setup: Setup) -> str:
    """The parts of the profile."""
    names = {title: setup.table(family) for family, title in _TITLES.items()}
    return "; ".join(f"{title} {', '.join(table)}" for title, table in names.items() if table)


def _later(work: GuideContext, variables: Sequence[str]) -> list[str]:
    """How a new process gets secrets that are not in the keyring; this one goes on with what was typed.

    The demo's secrets are known to each process that opens its screens.
    """
    if variables and work.sandbox:
        return [
            "  This program fills in the demo store's secrets whenever you open this profile.",
            "  Only commands in a shell need these variables:",
            *(f"    {name}" for name in variables),
        ]
    if variables:
        return [
            "! Not tested in a new process, which would have no secrets: only this session uses what you entered.",
            "  For later, choose a prompt or a password manager's command above and save again, or set these:",
            *(f"    export {name}=…" for name in variables),
        ]
    if work.setup.secret_place is SecretPlace.ASK and work.setup.secret_paths():
        return ["  This session uses the secrets that you entered; a new process prompts for them."]
    return []


def _commands(work: GuideContext, path: Path) -> dict[str, str]:
    """Commands to paste, with the name of the profile, or its path where it is elsewhere."""
    setup = work.setup
    usual = work.workbench.machine.directories.config / "profiles"
    reads = [each for each in setup.incoming if setup.at("incoming", each, "sink")]
    sends = [each for each in setup.outgoing if setup.at("outgoing", each, "source")]
    both = setup.incoming.keys() & setup.outgoing.keys()
    name = path.stem if path.parent == usual else str(path)
    return commands(name, reads, sends, both, is_anonymous=not setup.applied())
