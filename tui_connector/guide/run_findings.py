"""What a store's refusal in the middle of a run means, in the words that `check` has for it.

A module of its own, as most runs meet no refusal: they start a tenth of a second sooner without what explains one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..client.message import Request, Response
    from ..profile.model import Profile


def explainer(profile: Profile, client: str) -> Callable[[Request, Response], tuple[str, str] | None]:
    """A function from a refused request to what is wrong and what to do; None where no finding is known."""

    def explain(request: Request, response: Response) -> tuple[str, str] | None:
        from ..magento.diagnosis import diagnose
        from .check import auth_kind
        from .other_stores import is_magento

        if client not in profile.clients or not is_magento(profile, client):
            return None
        finding = diagnose(request, response, auth_kind(profile, client))
        return (finding.summary, finding.remedy) if finding is not None else None

    return explain
