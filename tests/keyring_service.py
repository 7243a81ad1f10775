"""A real Secret Service for tests: gnome-keyring-daemon on a message bus of its own, and ways to break it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

# without a servicedir nothing is started by the bus itself: no second daemon, no window that asks
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


class KeyringService:
    """Unlocked after `start`; the data live under `root`."""

    crashes = 0
    """How often the daemon of any of them has ended by itself: about once in 2,000 connections."""

    def __init__(self, root: Path) -> None:
        self.root = root
        folders = {name: str(root / name.lower()) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        run = root / "run"
        run.mkdir(mode=0o700)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(root), "XDG_RUNTIME_DIR": str(run), **folders}
        config = root / "bus.conf"
        config.write_text(_BUS)
        self._bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.env,
        )
        assert self._bus.stdout is not None
        self.address = self._bus.stdout.readline().strip()
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.address
        self.start()

    def start(self) -> None:
        self._daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.env,
        )
        assert self._daemon.stdin is not None
        self._daemon.stdin.write(b"throwaway")
        self._daemon.stdin.close()
        deadline = time.monotonic() + 20
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise RuntimeError("gnome-keyring-daemon did not come up")

    def _is_ready(self) -> bool:
        import secretstorage
        from jeepney.io.blocking import open_dbus_connection

        with (
            contextlib.suppress(Exception),
            contextlib.closing(open_dbus_connection(self.address)) as connection,
        ):
            return not secretstorage.get_collection_by_alias(connection, "default").is_locked()
        return False

    def lock(self) -> None:
        import secretstorage
        from jeepney.io.blocking import open_dbus_connection

        with contextlib.closing(open_dbus_connection(self.address)) as connection:
            secretstorage.get_default_collection(connection).lock()

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """The daemon does not run while this lasts."""
        os.kill(self._daemon.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._daemon.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._daemon.kill()
        self._daemon.wait()

    def ensure_running(self) -> None:
        if self._daemon.poll() is not None:
            self._count_crash()
            self.start()

    def _count_crash(self) -> None:
        KeyringService.crashes += self._daemon.poll() not in (None, -signal.SIGKILL)

    def restart(self) -> None:
        self.kill()
        self.start()

    def clear(self) -> None:
        """Deletes what is in it; starts it again with nothing in it where it does not run or is locked."""
        if self._daemon.poll() is None and self._is_ready():
            self._delete_all()
            return
        self._count_crash()
        self.kill()
        shutil.rmtree(self.env["XDG_DATA_HOME"], ignore_errors=True)
        self.start()

    def _delete_all(self) -> None:
        import secretstorage
        from jeepney.io.blocking import open_dbus_connection

        with contextlib.closing(open_dbus_connection(self.address)) as connection:
            for collection in secretstorage.get_all_collections(connection):
                for item in collection.get_all_items():
                    item.delete()

    def close(self) -> None:
        for process in (self._daemon, self._bus):
            if process.poll() is None:
                process.terminate()
                process.wait(5)
        if self._bus.stdout is not None:
            self._bus.stdout.close()
