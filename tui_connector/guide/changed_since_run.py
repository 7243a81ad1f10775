"""Which incomings and outgoings have other settings than in their last run."""

from __future__ import annotations

from collections.abc import Iterable

from ..client.session import Session
from ..errors import UserError
from ..incoming.list_request import ListRequest
from ..outgoing.plan import fingerprint
from ..profile.model import Profile
from .last_runs import LastRun
from .part_families import Family
from .workbench import Workbench


async def changed_since_run(workbench: Workbench, profile: Profile, runs: Iterable[LastRun]) -> set[tuple[Family, str]]:
    """The family and the name of those whose last run, one of these, had settings that read or send something else.

    Nothing is sent. An undo has settings of its own, which are not compared.
    """
    found = set[tuple[Family, str]]()
    async with workbench.unconnected(profile) as session:
        for run in runs:
            family: Family = "outgoing" if run.sends else "incoming"
            if run.fingerprint and not run.undone_run:
                now = _fingerprint(profile, session, family, run.name)
                found |= {(family, run.name)} if now and now != run.fingerprint else set()
    return found


def _fingerprint(profile: Profile, session: Session, family: Family, name: str) -> str:
    """What a run would record of the settings; empty where there is none, or it cannot be run."""
    try:
        if family == "outgoing":
            return fingerprint(profile.outgoing[name], session) if name in profile.outgoing else ""
        if name not in profile.incoming:
            return ""
        return ListRequest(name, profile.incoming[name], None, session, profile.incoming).identity()[0]
    except UserError:
        return ""
