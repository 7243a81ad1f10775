"""Which keyring this computer has: the best of those that keep a secret where only its user can read it."""

from __future__ import annotations

import importlib
import re
import sys

from ..machine import Keyring
from .secret_error import SecretError

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
_ELSEWHERE = "Use an environment variable ({ env = … }) or a command ({ command = […] }) in the profile instead."


def override_name(name: str) -> str:
    """The environment variable that stands for a keyring entry."""
    return "TUI_CONNECTOR_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def without_keyring(name: str) -> str:
    """What to do where an entry cannot be read from or written to the keyring; the quickest way first."""
    return f"For this run, set {override_name(name)} to the value. {_ELSEWHERE}"


def unlock(name: str) -> str:
    return f"Unlock it in the desktop's password manager and try again. {without_keyring(name)}"


def best_keyring(wanted: str | None) -> tuple[Keyring, str]:
    """The best allowed keyring of this computer: others would write secrets to disk in clear, without a word.

    `wanted` is what `PYTHON_KEYRING_BACKEND` says. Gives the keyring and its name. Raises `SecretError`.
    """
    if wanted is not None and wanted.rpartition(".")[0] not in _ALLOWED:
        raise SecretError(
            "keyring-unusable", f"PYTHON_KEYRING_BACKEND selects {wanted!r}, which is not used for secrets"
        )
    modules = [wanted.rpartition(".")[0]] if wanted else _modules_for(sys.platform)
    reasons = []
    for module in modules:
        try:
            found = importlib.import_module(module)
            keyring_class = getattr(found, _CLASSES.get(module, "Keyring"))
            keyring_class.priority  # noqa: B018 - raises where this keyring cannot work here
            keyring: Keyring = keyring_class()
        except Exception as error:  # noqa: BLE001 - each backend has its own way to say that it is not there
            reasons.append(reason_of(error))
        else:
            return keyring, _KEYRING_NAMES.get(module, module)
    raise SecretError("keyring-unusable", f"No keyring available: {reasons[0] if reasons else 'none found'}")


def _modules_for(platform: str) -> list[str]:
    if platform == "darwin":
        return ["keyring.backends.macOS"]
    if platform == "win32":
        return ["keyring.backends.Windows"]
    return ["keyring.backends.SecretService", "keyring.backends.kwallet"]


def is_locked(error: Exception) -> bool:
    """Whether it is keyring's `KeyringLocked`, which is known by its name: nothing is imported for the question."""
    return any(kind.__name__ == "KeyringLocked" for kind in type(error).__mro__)


def reason_of(error: Exception) -> str:
    """What a keyring says of its failure, in one short line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
