"""Converts a setup to a draft and back, with its step and what the steps show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import cast, get_args

from ..files import digest
from ..magento.diagnosis import Finding, Fix
from ..magento.diagnosis.finding import FixTarget
from ..profile import toml
from ..profile.document import Document
from ..profile.library import ProfileError
from ..profile.positions import value_at
from ..secrets.token_shape import looks_like_token
from ..templates import Json
from .drafts import Draft
from .steps.methods import INTEGRATION, METHODS, GuideStep
from .steps.profile_draft import CLIENT
from .steps.setup import Setup

_SAMPLE = "sample:"
_REFUSED = "refused"


def has_unsaved_work(setup: Setup) -> bool:
    """Whether the setup has changes that are not saved."""
    if setup.saved:
        return setup.document.changed or setup.is_address_untested or bool(setup.untested)
    typed = setup.typed_address not in ("", setup.suggested_address) or setup.typed_view is not None
    typed = typed or setup.typed_name is not None or setup.name != setup.suggested_name
    return bool(typed or setup.base_uri or setup.has_authentication or setup.incoming or setup.outgoing)


def draft_of(
    setup: Setup, key: str, step: GuideStep, now: float, refused: Mapping[tuple[str, ...], Finding] | None = None
) -> Draft:
    """The draft of a setup. It contains no secrets. `refused` says why tests have refused parts, by their paths."""
    about: dict[str, Json] = {
        "client": setup.client,
        "authentication": setup.authentication,
        "way": setup.auth_kind,
        "typed-address": _without_secret(setup.typed_address),
        "searched-address": setup.searched[0],
        "untested-addresses": {client: _without_secret(typed) for client, typed in setup.untested.items()},
        "store-view": setup.store_view,
        "suggested-title": setup.suggested_title,
        "suggested-name": setup.suggested_name,
        **{key: kept for key, typed in _typed(setup).items() if typed and (kept := _without_secret(typed))},
        **{f"{_SAMPLE}{name}": text for name, text in setup.samples.items()},  # each without secrets, or not at all
        _REFUSED: [_refusal(path, finding) for path, finding in (refused or {}).items()],
    }
    path = setup.document.path
    text = setup.document.text_as_read if path else None
    return Draft(
        key, setup.name, setup.title, int(step), now, setup.draft, dict(about), str(path) if path else None, text
    )


def _refusal(path: tuple[str, ...], finding: Finding) -> dict[str, Json]:
    """A refusal, without its evidence: the exchanges that this names are not kept."""
    kept: dict[str, Json] = {key: getattr(finding, key) for key in ("id", "summary", "remedy", "field")}
    fix: Json = None if finding.fix is None else dict(asdict(finding.fix))
    return {"part": list(path), **kept, "fix": fix}


def refusals_of(draft: Draft) -> dict[tuple[str, ...], Finding]:
    """Why the last tests have refused parts of the draft, by their paths."""
    found: dict[tuple[str, ...], Finding] = {}
    kept = draft.about.get(_REFUSED)
    for each in kept if isinstance(kept, list) else ():
        if isinstance(part := value_at(each, ("part",)), list) and len(part) == 2:
            words = [str(value_at(each, (key,)) or "") for key in ("id", "summary", "remedy", "field")]
            finding = Finding(words[0], words[1], (), words[2], words[3], _fix(value_at(each, ("fix",))))
            found[(str(part[0]), str(part[1]))] = finding
    return found


def _fix(kept: Json) -> Fix | None:
    target, value, label = (value_at(kept, (key,)) for key in ("target", "value", "label"))
    if target not in get_args(FixTarget) or not isinstance(value, str) or not isinstance(label, str):
        return None  # the file was edited
    return Fix(cast(FixTarget, target), value, label)


def _typed(setup: Setup) -> dict[str, str | None]:
    """What was typed into fields that do not accept it, as the draft names it."""
    return {"typed-name": setup.typed_name, "typed-store-view": setup.typed_view}


def _without_secret(typed: str) -> str:
    """A text as it was typed; "" where it may be a token in the wrong field, or contain a password."""
    return "" if "@" in typed or looks_like_token(typed.strip()) else typed


def setup_of(draft: Draft) -> tuple[Setup, GuideStep]:
    """The setup and step of a draft. Saving notices if the profile has changed since."""
    setup = Setup(draft.name, _document(draft))
    about = draft.about
    setup.saved_authentications = frozenset(
        name for name in _saved_authentications(draft) if name in setup.table("authentications")
    )
    setup.client = str(about.get("client") or CLIENT)
    setup.authentication = str(about.get("authentication") or METHODS[INTEGRATION].name)
    setup.auth_kind = str(about.get("way") or INTEGRATION)
    setup.typed_address = str(about.get("typed-address") or "")
    setup.store_view = str(about.get("store-view") or "all")
    setup.searched = (str(about.get("searched-address", setup.typed_address) or ""), setup.store_view)
    untested = about.get("untested-addresses")
    for client, typed in untested.items() if isinstance(untested, dict) else ():
        setup.untested[client] = str(typed or "")
    setup.typed_name, setup.typed_view = (
        typed if isinstance(typed := about.get(key), str) else None for key in _typed(setup)
    )
    setup.suggested_name = str(about.get("suggested-name") or setup.suggested_name)
    setup.suggested_title = str(about.get("suggested-title") or setup.suggested_title)
    samples = {name.removeprefix(_SAMPLE): text for name, text in about.items() if name.startswith(_SAMPLE)}
    setup.samples = {name: text for name, text in samples.items() if isinstance(text, str) and text}
    return setup, GuideStep(draft.step)


def _saved_authentications(draft: Draft) -> list[str]:
    """The authentications of the profile as saved: their secrets are stored already."""
    try:
        found = toml.loads(draft.text or "").get("authentications")
    except (ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, dict) else []


def _document(draft: Draft) -> Document:
    if draft.profile is None or draft.text is None:
        document = Document.new({})
    else:
        path = Path(draft.profile)
        try:
            document = Document.read(path)
        except ProfileError:
            document = Document("", path)
        if document.text_as_read != draft.text:
            document = Document(draft.text, path, file_digest=digest(draft.text.encode()))
    document.draft = draft.data
    return document
