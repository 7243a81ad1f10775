"""Refused logins, stored on disk, and a lock per account: no wrong password is sent twice.

Magento locks an admin user for 30 minutes after six failures (Magento_Integration, oauth_token_request_log), and its
response does not distinguish a wrong password from a locked account. Neither a job that starts every minute nor ten
that start at the same time may lock the account.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from ...files import LockTimeout, read_private, try_lock, update_private
from ..uri import canonical

MAGENTO_LOGIN = re.compile(r"/(integration/(admin|customer)/token|tfa/provider/(\w+)/[\w-]+)/?$")
"""The paths of Magento's own token endpoints (Magento_Integration, Magento_TwoFactorAuth)."""

_BEFORE_LOGIN = re.compile(r"(/pub)?(/index\.php)?/rest(/[^/]+)?/v1$")
"""The path before the endpoint: with or without a store code and the entry script, it is the same endpoint."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_WAIT = 120.0
"""Seconds for one login of another process, whose user may have to type a code."""
_POLL = 0.05
_MAX_PER_ACCOUNT = 20
"""Stored refusals of one account."""


@dataclass(frozen=True, slots=True)
class LoginLockout:
    """One refused login. `proof` is a salted hash of its secrets, to recognise them when they are sent again."""

    at: str
    status: int
    message: str
    proof: str

    @property
    def day_and_time(self) -> str:
        """When it was refused, in the user's time zone: "30 Nov 2026 at 12:05"."""
        try:
            return f"{datetime.fromisoformat(self.at).astimezone():%d %b %Y at %H:%M}"
        except (ValueError, OverflowError):
            return self.at


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a login, the same for every spelling of the endpoint, and the secrets it logs in with."""

    login: str
    secret_values: str

    @classmethod
    def of(cls, uri: str, values: Mapping[str, object], secret_names: list[str]) -> Account:
        """The account that `values` log in to at `uri`; values of `secret_names` are not part of its identifier.

        Magento's user name always is, even if its source is that of a secret. Raises `InvalidValue`.
        """
        endpoint, kind = _endpoint(uri)
        if kind and "username" in values and "password" in values:
            username = str(values["username"]).strip().casefold()  # MySQL compares user names like this
            return cls(json.dumps([endpoint, kind, username]), json.dumps([str(values["password"])]))
        others = {name: value for name, value in values.items() if name not in secret_names and value is not None}
        return cls(
            json.dumps([endpoint, kind, others], sort_keys=True), json.dumps([values[name] for name in secret_names])
        )


def is_magento_login(uri: str) -> bool:
    """Whether this is a token endpoint of Magento, which locks accounts."""
    return MAGENTO_LOGIN.search(_path("/" + uri.partition("?")[0].lstrip("/"))) is not None


def _endpoint(uri: str) -> tuple[str, str]:
    """The normalized endpoint of a login; for Magento also the kind of account, "admin" or "customer"."""
    parts = urlsplit(canonical(uri))
    host = _host(parts.hostname or "")
    path = _path(parts.path)
    found = MAGENTO_LOGIN.search(path.casefold())
    if found is None:
        return f"{parts.scheme}://{host}:{parts.port}{path}?{parts.query}", ""
    before = _BEFORE_LOGIN.sub("", path.casefold()[: found.start()])
    # http and https of one host are one store; the endpoints of tfa log in to the same admin accounts
    return f"{host}:{parts.port or ''}{before}", found[2] or "admin"


def _path(path: str) -> str:
    return re.sub(r"/{2,}", "/", unquote(path)).rstrip("/")


def _host(name: str) -> str:
    name = name.rstrip(".")
    try:
        address = ip_address(name)
    except ValueError:
        try:  # 127.1 and 0x7f000001, which the system's resolver reads as addresses
            address = ip_address(socket.inet_aton(name))
        except OSError:
            return "localhost" if name in _LOOPBACK else name
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return "localhost" if address.compressed in _LOOPBACK else address.compressed


log = logging.getLogger(__name__)


class LoginLockouts:
    """The refused logins of this user. Its methods access the disk and hash slowly: call them in a thread.

    If the state directory cannot be used, refusals are kept in this process.
    """

    _in_progress: ClassVar[set[tuple[Path, str]]] = set()
    _unsaved: ClassVar[dict[tuple[Path, str], list[LoginLockout]]] = {}
    """Refusals that could not be written to the disk; their proofs are made with `_salt`."""
    _lock: ClassVar[threading.Lock] = threading.Lock()
    _salt: ClassVar[bytes] = secrets.token_bytes(16)

    def __init__(self, state: Path) -> None:
        self._directory = state / "refused-logins"

    @contextlib.asynccontextmanager
    async def turn(self, account: Account, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
        """Holds the lock of this account, which all sessions, threads and processes of this user share.

        Raises `LockTimeout` when another login takes longer than 120 s.
        """
        key = (self._directory, account.login)
        for _ in range(round(_MAX_WAIT / _POLL)):
            if self._start(key):
                break
            await sleep(_POLL)
        else:
            raise LockTimeout(self._directory)
        try:
            descriptor = await self._wait_for_lock(self._path(account.login).with_suffix(".lock"), sleep)
            try:
                yield
            finally:
                if descriptor is not None:
                    os.close(descriptor)
        finally:
            with self._lock:
                self._in_progress.discard(key)

    def _start(self, key: tuple[Path, str]) -> bool:
        with self._lock:
            if key in self._in_progress:
                return False
            self._in_progress.add(key)
            return True

    async def _wait_for_lock(self, path: Path, sleep: Callable[[float], Awaitable[None]]) -> int | None:
        """The descriptor of the file lock; None if the file cannot be written or locked."""
        holder, left = b"", _MAX_WAIT
        while left > 0:
            try:
                descriptor = await _lock_in_thread(path)
                if descriptor is not None:
                    return descriptor
                found = await asyncio.to_thread(path.read_bytes)
            except OSError:
                return None
            if found != holder:  # each login has its own time
                holder, left = found, _MAX_WAIT
            await sleep(_POLL)
            left -= _POLL
        raise LockTimeout(path)

    def find(self, account: Account) -> LoginLockout | None:
        """The last refusal of this login with these secrets, or None."""
        unsaved = self._unsaved.get((self._directory, account.login), [])
        if unsaved and (lockout := _matching(unsaved, account, self._salt)):
            return lockout
        try:
            salt, lockouts = _read(read_private(self._path(account.login)))
        except (OSError, ValueError):  # missing or damaged; the next refusal replaces it
            return None
        return _matching(lockouts, account, salt)

    def add(self, account: Account, *, at: str, status: int, message: str) -> None:
        """Stores a refusal. Raises OSError if it cannot be written; this process keeps it all the same."""

        def with_refusal(found: bytes | None) -> bytes:
            try:
                salt, lockouts = _read(found or b"")
            except ValueError:
                salt, lockouts = secrets.token_bytes(16), []
            lockouts.append(LoginLockout(at, status, message[:500], _proof(account.secret_values, salt)))
            stops = [asdict(each) for each in lockouts[-_MAX_PER_ACCOUNT:]]
            return json.dumps({"salt": salt.hex(), "stops": stops}).encode()

        log.warning("a login was refused with %d: it is not tried again", status)
        try:
            update_private(self._path(account.login), with_refusal)
        except OSError as error:
            log.warning("the refused login could not be recorded: %s", error.strerror)
            lockout = LoginLockout(at, status, message[:500], _proof(account.secret_values, self._salt))
            self._unsaved.setdefault((self._directory, account.login), []).append(lockout)
            raise

    def clear_all(self) -> None:
        for key in [each for each in self._unsaved if each[0] == self._directory]:
            self._unsaved.pop(key, None)
        for path in self._directory.glob("*.json"):
            _remove(path)

    def _path(self, login: str) -> Path:
        return self._directory / f"{hashlib.sha256(login.encode()).hexdigest()[:32]}.json"


async def _lock_in_thread(path: Path) -> int | None:
    """`try_lock` in a thread; if the caller is cancelled meanwhile, the lock is released."""
    task = asyncio.ensure_future(asyncio.to_thread(_signed_lock, path))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_close_late_lock)
        raise


def _close_late_lock(task: asyncio.Future[int | None]) -> None:
    if not task.cancelled() and task.exception() is None and (descriptor := task.result()) is not None:
        os.close(descriptor)


def _signed_lock(path: Path) -> int | None:
    """`try_lock`; writes a random value into the file, so that waiting processes see that its holder has changed."""
    descriptor = try_lock(path)
    if descriptor is not None:
        with contextlib.suppress(OSError):  # on a full disk, others may reach the timeout sooner
            os.pwrite(descriptor, secrets.token_bytes(16), 0)
    return descriptor


def _read(data: bytes) -> tuple[bytes, list[LoginLockout]]:
    """The salt and the refusals in a file. Raises ValueError if it contains anything else."""
    try:
        fields = json.loads(data)
        return bytes.fromhex(fields["salt"]), [LoginLockout(**each) for each in fields["stops"]]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("not a list of refused logins") from error


def _matching(lockouts: list[LoginLockout], account: Account, salt: bytes) -> LoginLockout | None:
    proof = _proof(account.secret_values, salt)
    return next((each for each in reversed(lockouts) if hmac.compare_digest(each.proof, proof)), None)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # one that stays blocks only the same secrets, with a message
        path.unlink()


def _proof(secret_values: str, salt: bytes) -> str:
    # scrypt, so that the file does not help to guess a password (RFC 7914); about 50 ms
    return hashlib.scrypt(secret_values.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()
