"""What there is to click in Magento at each step, for the way in that was chosen."""

from __future__ import annotations

from ..magento.diagnosis.refusals import ticked_at
from .words import ADMIN, WAYS, Step


def in_magento(step: Step, way: str) -> list[str]:
    """Lines of text. An admin user has a role, and no integration with ticks and values of its own."""
    admin = way == ADMIN
    if step is Step.BASICS:
        return ["Nothing to do yet. The address of the shop is enough; the guide finds the REST interface."]
    if step is Step.AUTHENTICATION:
        return [f"{n}. {line}" for n, line in enumerate(WAYS[way].in_magento if way in WAYS else (), 1)]
    if step is Step.INCOMING:
        return [f"What {'an admin user' if admin else 'an integration'} may read is ticked under {ticked_at(way)}."]
    if step is Step.OUTGOING:
        place = "Role Resources" if admin else "API"
        return [f"Writing needs its own ticks under {place}. Through store view “all” global values are written."]
    if admin:
        return ["Nothing more. What the user may do can be changed later, in its role."]
    return ["Nothing more. The four values can be read again under Edit › Integration Details."]
