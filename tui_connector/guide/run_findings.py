"""What a store's refusal in the middle of a run means, in the words that `check` has for it."""

from __future__ import annotations

from collections.abc import Callable

from ..client.message import Answer, Request
from ..profile.model import Profile


def explainer(profile: Profile, client: str) -> Callable[[Request, Answer], tuple[str, str] | None]:
    """A function from a refused request to what is wrong and what to do; None where no finding is known."""

    def explain(request: Request, answer: Answer) -> tuple[str, str] | None:
        # most runs meet no refusal, and start sooner without all that explains one
        from ..magento.diagnosis import diagnose
        from .check import way_of
        from .other_stores import is_magento

        if client not in profile.clients or not is_magento(profile, client):
            return None
        finding = diagnose(request, answer, way_of(profile, client))
        return (finding.summary, finding.remedy) if finding is not None else None

    return explain
