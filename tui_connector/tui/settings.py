"""`settings.toml` in the settings directory: other keys for actions, and the theme.

It is read before the first paint, with the standard library only. Mistakes in it are warnings and lock no user out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..profile import toml
from ..profile.library import ProfileError, as_text, read_bytes

FILE = "settings.toml"
_KNOWN = ("keys", "theme")


@dataclass(frozen=True, slots=True)
class UserSettings:
    """The user's settings; `warnings` describe what was left out of them."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by the id of an action; several are separated by commas."""
    theme: str = ""
    warnings: tuple[str, ...] = ()


def read(path: Path) -> UserSettings:
    """Reads the settings; default ones where there is no file."""
    try:
        data = toml.loads(as_text(path, read_bytes(path)))
    except ProfileError as error:
        if error.code == "profile-missing":
            return UserSettings()
        return UserSettings(warnings=(f"{error.place}: {error.message}. It is ignored.",))
    except (ValueError, RecursionError) as error:
        return UserSettings(warnings=(f"{path}: {error}. It is ignored.",))
    warnings = [
        f"{path}: unknown setting {name!r}; the settings are {', '.join(_KNOWN)}" for name in data.keys() - {*_KNOWN}
    ]
    theme = data.get("theme", "")
    if not isinstance(theme, str):
        warnings.append(f"{path}: theme must be the name of a theme, in quotes")
        theme = ""
    keys = data.get("keys", {})
    if not isinstance(keys, dict):
        warnings.append(f"{path}: keys must be a table: [keys]")
        keys = {}
    invalid = [name for name, key in keys.items() if not isinstance(key, str) or not key.strip()]
    warnings += [f'{path}: keys.{name} must be a key in quotes, such as "ctrl+g"' for name in invalid]
    return UserSettings({name: key for name, key in keys.items() if name not in invalid}, theme, tuple(warnings))


def save_theme(path: Path, theme: str) -> None:
    """Writes the theme into the file and leaves the rest unchanged. Raises `UserError`."""
    from ..profile.document import Document

    document = Document.read(path) if path.exists() else Document("")
    document.set(("theme",), theme)
    document.save(path)
