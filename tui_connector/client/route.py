"""The network route of a client's requests: proxy and TLS, which decide who can read them on the way to the store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..secrets.capability import file_digest, portable
from .file_path import full_path
from .model import DIRECT, HttpClient
from .uri import origin_of


@dataclass(frozen=True, slots=True)
class ClientRoute:
    """The route of a client, from its proxy and TLS settings. Without any: direct, or by the environment's proxy."""

    proxy: str = ""
    ca: str = ""
    """The SHA-256 of the file of authorities that are trusted in addition to the system's."""
    ca_file: str = ""
    certificate: str = ""
    """The file of the client certificate."""
    private_key: str = ""
    """The file of its private key, if it is a separate one."""
    verified: bool = True

    @classmethod
    def of(cls, client: HttpClient, directory: Path) -> ClientRoute:
        """The route of this client. Reads the file of authorities, so call it in a thread."""
        tls = client.tls
        proxy = "" if client.proxy is None or client.proxy.uri == DIRECT else origin_of(client.proxy.uri)
        folder = Path(os.path.realpath(directory))
        ca = ca_file = ""
        if tls.ca_file is not None:
            real = full_path(tls.ca_file, folder)
            ca, ca_file = file_digest(real), str(real)
        certificate, key = (_portable(each, folder) for each in (tls.client_certificate, tls.client_key))
        return cls(proxy, ca, ca_file, certificate, key, tls.verify)

    @property
    def facts(self) -> dict[str, object]:
        """How it differs from the plain route, by name."""
        found: dict[str, object] = {"proxy": self.proxy, "ca": self.ca, "client-certificate": self.certificate}
        found["client-key"] = self.private_key
        return {name: value for name, value in found.items() if value} | ({} if self.verified else {"verify": False})

    @property
    def key(self) -> str:
        """A canonical text of the route; empty for the plain one."""
        return json.dumps(self.facts, sort_keys=True) if self.facts else ""

    def description(self) -> str:
        """How it differs from the plain route, as part of a sentence; empty for the plain one."""
        return ", ".join(self._differences())

    def _differences(self) -> Iterator[str]:
        if self.proxy:
            yield f"through the proxy {self.proxy}"
        if not self.verified:
            yield "without verifying the certificate, so that it can be intercepted"
        if self.ca:
            yield f"to any server with a certificate from {self.ca_file} (SHA-256 {self.ca[:12]})"
        if self.certificate:
            more = f" and the key {self.private_key}" if self.private_key else ""
            yield f"with the client certificate {self.certificate}{more}"


PLAIN_ROUTE = ClientRoute()


def _portable(written: str | None, folder: Path) -> str:
    if written is None:
        return ""
    path = os.path.expanduser(written)
    return portable(path, os.path.realpath(folder / path), folder)
