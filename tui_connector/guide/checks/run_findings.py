"""Explains a store's refusal during a run, from the response alone: a run sends none of the probes of `check`.

The diagnosis is imported at the first refusal: most runs have none and start 0.1 s faster without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...client.message import Request, Response
    from ...profile.model import Profile


def explainer(profile: Profile, client: str) -> Callable[[Request, Response], tuple[str, str] | None]:
    """A function that returns summary and remedy for a refused request; None if no finding matches."""

    def explain(request: Request, response: Response) -> tuple[str, str] | None:
        from ...magento.diagnosis import diagnose
        from ..steps.other_stores import is_magento
        from .check import auth_kind

        if client not in profile.clients or not is_magento(profile, client):
            return None
        finding = diagnose(request, response, auth_kind(profile, client))
        return (finding.summary, finding.remedy) if finding is not None else None

    return explain
