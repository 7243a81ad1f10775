"""Chooses the keyring: the best one on this computer that only its user can read."""

from __future__ import annotations

import importlib
import logging
import re
import sys

from ..machine import Keyring
from .errors import SecretError

log = logging.getLogger(__name__)

_ALLOWED = frozenset(
    {
        "keyring.backends.SecretService",
        "keyring.backends.libsecret",
        "keyring.backends.kwallet",
        "keyring.backends.macOS",
        "keyring.backends.Windows",
    }
)
_CLASSES = {"keyring.backends.kwallet": "DBusKeyring", "keyring.backends.Windows": "WinVaultKeyring"}
_KEYRING_NAMES = {
    "keyring.backends.SecretService": "Secret Service (GNOME Keyring, KeePassXC, KWallet)",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.Windows": "Windows Credential Manager",
}
_LINUX = ["keyring.backends.SecretService", "keyring.backends.kwallet"]
_UNUSABLE = {
    "darwin": "The macOS Keychain cannot be opened: unlock it in Keychain Access",
    "win32": "The Windows Credential Manager cannot be opened",
}
_UNUSABLE_ELSEWHERE = "No keyring is running: to use one, start GNOME Keyring, KeePassXC or KWallet"
"""What its user can do where there is no keyring. What the library says about it is in the program's own log."""
_DEFAULTS = {"darwin": ["keyring.backends.macOS"], "win32": ["keyring.backends.Windows"]}
_ELSEWHERE = "Use an environment variable ({ env = … }) or a command ({ command = […] }) in the profile instead."


def override_name(name: str) -> str:
    """The environment variable that overrides a keyring entry."""
    return "TUI_CONNECTOR_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def entry_of(name: str, environment: str) -> str:
    """The keyring entry of an environment with another store, instead of the entry `name` of the base values."""
    return f"{name}@{environment}"


def without_keyring(name: str) -> str:
    """What to do if the keyring cannot be used for an entry; the quickest way first."""
    return f"For this run, set {override_name(name)} to the value. {_ELSEWHERE}"


def without_entry() -> str:
    """What to do if an entry cannot be stored: a value for this run would not help."""
    return _ELSEWHERE


def best_keyring(wanted: str | None) -> tuple[Keyring, str]:
    """The best allowed keyring on this computer, and its name; others silently store secrets in plain text.

    `wanted` is the value of `PYTHON_KEYRING_BACKEND`. Raises `SecretError`.
    """
    if wanted is not None and wanted.rpartition(".")[0] not in _ALLOWED:
        raise SecretError(
            "keyring-unusable", f"PYTHON_KEYRING_BACKEND selects {wanted!r}, which is not used for secrets"
        )
    modules = [wanted.rpartition(".")[0]] if wanted else _DEFAULTS.get(sys.platform, _LINUX)
    for module in modules:
        try:
            found = importlib.import_module(module)
            keyring_class = getattr(found, _CLASSES.get(module, "Keyring"))
            keyring_class.priority  # noqa: B018 - raises if this keyring cannot work here
            keyring: Keyring = keyring_class()
        except Exception as error:  # noqa: BLE001 - each backend raises something else if it is not available
            log.info("%s cannot be used: %s", module, reason_of(error))
        else:
            return keyring, _KEYRING_NAMES.get(module, module)
    if wanted is not None:
        reason = f"PYTHON_KEYRING_BACKEND selects {wanted}, which cannot be used on this computer"
    else:
        reason = _UNUSABLE.get(sys.platform, _UNUSABLE_ELSEWHERE)
    raise SecretError("keyring-unusable", reason)


def is_locked(error: Exception) -> bool:
    """Whether it is keyring's `KeyringLocked`, compared by name so that keyring is not imported."""
    return any(kind.__name__ == "KeyringLocked" for kind in type(error).__mro__)


def reason_of(error: Exception) -> str:
    """The error of a keyring in one short line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
