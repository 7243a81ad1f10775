"""The last runs of profiles with their ledgers on a server. A profile that is not trusted with it asks no server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UserError
from ..machine import Machine
from ..profile.model import Profile
from ..profile.problems import read_profile
from ..text import shown_line
from .last_runs import ProfileRun, runs_in_shared_ledger
from .trust import ProfileTrust, Untrusted
from .workbench import Workbench


@dataclass(frozen=True, slots=True)
class SharedRuns:
    """The runs in the shared ledger of one profile, in one environment."""

    runs: tuple[ProfileRun, ...] = ()
    problem: str = ""
    """Why they are not known, in one line."""


def shared_runs(workbench: Workbench, profile: Profile, path: Path, *, every: bool = False) -> SharedRuns:
    """The latest run of each configuration of a profile with a shared ledger, newest first; `every`: all. Blocks."""
    server = workbench.ledgers(profile, path)
    if server is None:
        return SharedRuns()
    try:
        return SharedRuns(tuple(runs_in_shared_ledger(server, path, every=every)))
    except Untrusted:
        return SharedRuns(problem=f"the profile is not yet trusted to ask {shown_line(server.name)}")
    except UserError as error:
        return SharedRuns(problem=shown_line(error.message))


def shared_runs_of(machine: Machine, path: Path, *, every: bool = False) -> Iterator[SharedRuns]:
    """The same for a profile that is not open, in each of its environments. Blocks."""
    try:
        _, base = read_profile(path)
        for environment in ("", *base.environments):
            _, profile = read_profile(path, environment)
            if profile.ledger is not None:
                trust = ProfileTrust(machine, path, environment=environment)
                with closing(Workbench(machine, directory=path.parent, trust=trust)) as workbench:
                    found = shared_runs(workbench, profile, path, every=every)
                    yield replace(found, problem=f"{path.stem}: {found.problem}") if found.problem else found
    except UserError as error:
        yield SharedRuns(problem=f"{path.stem}: {shown_line(error.message)}")
