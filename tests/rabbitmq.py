"""A RabbitMQ of the tests' own: on loopback, with its own data, cookie and ports, never the system's service."""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requirements import skip_without

_PROGRAMS = Path("/usr/lib/rabbitmq/bin")
"""Debian's scripts as they are; those in /usr/sbin change the user to that of the system's service."""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """The address of a node that runs until the end of the block."""
    server = _PROGRAMS / "rabbitmq-server"
    if not server.exists() or shutil.which("epmd") is None:
        skip_without("rabbitmq-server")
    port, mapper = _free_port(), _free_port()
    for name in ("home", "data", "log"):
        (folder / name).mkdir(parents=True)
    (folder / "plugins").write_text("[].\n")
    (folder / "node.conf").write_text("loopback_users.guest = true\nlog.console = false\n")
    cookie = folder / "home" / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(folder / "home"),
        "RABBITMQ_NODENAME": f"tests-{os.getpid()}-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(_free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "node.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
    }
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind("")  # to an abstract address that the system chooses
        environment["NOTIFY_SOCKET"] = f"@{notices.getsockname()[1:].decode()}"
        ports = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(mapper)], env=environment, **quiet)
        node = subprocess.Popen([server], env=environment, start_new_session=True, cwd=folder, **quiet)
        try:
            _wait_until_ready(node, notices, folder)
            yield f"amqp://guest:guest@127.0.0.1:{port}//"
        finally:
            os.killpg(node.pid, signal.SIGKILL)
            node.wait()
            ports.kill()
            ports.wait()


def _wait_until_ready(node: subprocess.Popen[bytes], notices: socket.socket, folder: Path) -> None:
    """Until the node tells that it is ready, as it tells systemd (sd_notify(3))."""
    ended = os.pidfd_open(node.pid)
    try:
        while notices in select.select([notices, ended], [], [], 120)[0]:
            if b"READY=1" in notices.recv(4096).splitlines():
                return
    finally:
        os.close(ended)
    logs = "\n".join(each.read_text(errors="replace")[-2_000:] for each in (folder / "log").glob("*.log"))
    raise AssertionError(f"RabbitMQ did not start: {logs}")
