"""Which fields step 2 shows, and which of them were given."""

from __future__ import annotations

from ...guide import offered
from ...guide.by_path import at
from ...guide.setup import Setup
from ...guide.words import ADMIN, FieldWords
from ..form.asked import Asked, Sort
from .setup_form import asked_in
from .step_pane import Work

CODE = Asked(
    ("parameters", "otp", "totp"),
    "One-time code",
    "What the authenticator app was set up with: the letters under its QR code. Or have the code asked for.",
    Sort.SECRET,
)


def guide_fields(setup: Setup) -> list[Asked]:
    """What the guide asks for; nothing for a kind that it has no words for."""
    found = [_asked(each) for each in setup.fields()]
    return [*found, CODE] if setup.way == ADMIN and setup.asks_for_code() else found


def schema_fields(setup: Setup) -> list[Asked]:
    """All that the kind takes."""
    schema = offered.authentication(setup.way)
    return list(asked_in(setup, schema)) if schema is not None else []


def code_wanted(setup: Setup) -> str:
    """The field of the one-time code, where the store asks for one and nothing makes it yet: else none."""
    path = ("authentications", setup.authentication, *CODE.path)
    wanted = setup.way == ADMIN and setup.asks_for_code() and setup.at(*path) is None
    return CODE.name if wanted else ""


def is_given(work: Work, each: FieldWords) -> bool:
    """Whether this field was given: typed here, or named by the saved profile or by another source."""
    setup = work.setup
    path = setup.path_of(each)
    there = setup.at(*path)
    if not each.secret:
        return bool(there or at(setup.fresh(), each.path))
    at_hand = bool(work.workbench.vault.glimpse(setup.secret_name(path)))
    return at_hand or (there is not None and (setup.authentication in setup.kept or setup.at(*path, "keyring") is None))


def _asked(each: FieldWords) -> Asked:
    return Asked(each.path, each.title, each.about, Sort.SECRET if each.secret else Sort.TEXT, required=True)
