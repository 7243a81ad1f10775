"""Logins that a store refused, kept on disk: a job that starts every minute must not lock the account.

Magento locks an admin user for 30 minutes after six failures (Magento_Integration, oauth_token_request_log), and its
answer does not tell a wrong password from a locked account.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stop:
    """One refused login. `proof` tells whether the same secrets would be sent again, and gives nothing else away."""

    at: str
    status: int
    message: str
    salt: str
    proof: str

    def is_for(self, secret_values: str) -> bool:
        return hmac.compare_digest(self.proof, _proof(secret_values, bytes.fromhex(self.salt)))


class LoginStops:
    """The refused logins of this user. Its methods touch the disk, and hash slowly: call them in a thread."""

    def __init__(self, state: Path) -> None:
        self._directory = state / "refused-logins"

    def find(self, login: str, secret_values: str) -> Stop | None:
        """The refusal of this login with these secrets, if there was one."""
        try:
            stop = Stop(**json.loads(self._path(login).read_bytes()))
            return stop if stop.is_for(secret_values) else None
        except (OSError, ValueError, TypeError):  # not there, or not readable: then it cannot stop anything
            return None

    def add(self, login: str, secret_values: str, *, at: str, status: int, message: str) -> None:
        """Keeps a refusal. Raises OSError where the disk takes none."""
        salt = secrets.token_bytes(16)
        stop = Stop(at, status, message[:500], salt.hex(), _proof(secret_values, salt))
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(login)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with open(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(stop), file)
        temporary.replace(path)

    def clear(self, login: str) -> None:
        _remove(self._path(login))

    def clear_all(self) -> None:
        for path in self._directory.glob("*.json"):
            _remove(path)

    def _path(self, login: str) -> Path:
        return self._directory / f"{hashlib.sha256(login.encode()).hexdigest()[:32]}.json"


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # one that stays stops the same secrets only, and says so then
        path.unlink()


def _proof(secret_values: str, salt: bytes) -> str:
    # scrypt, so that the file does not help to guess a password (RFC 7914); about 50 ms
    return hashlib.scrypt(secret_values.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()
