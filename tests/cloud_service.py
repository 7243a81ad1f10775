"""A stand-in for Adobe Commerce as a Cloud Service and its token endpoint, on one socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from http_server import Received, Server, reply, serving

CLIENT_ID, CLIENT_SECRET = "0f1e2d3c", "p8e-CANARY-secret"
TOKEN = "eyCANARYtoken"


@dataclass
class CloudService:
    """What it received; nothing is answered without a token, as Adobe's gateway does."""

    server: Server = field(default_factory=lambda: Server(""))

    @property
    def address(self) -> str:
        return f"{self.server.url}/Tenant1/V1"

    @property
    def token_uri(self) -> str:
        return f"{self.server.url}/ims/token/v3"

    def paths(self) -> list[str]:
        return [request.head.split()[1].decode() for request in self.server.received]

    async def response(self, request: Received, writer: asyncio.StreamWriter) -> None:
        path = request.head.split()[1].decode().partition("?")[0]
        if path == "/ims/token/v3":
            sent = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            good = (sent.get("client_id"), sent.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
            if not good or "commerce.accs" not in sent.get("scope", ""):
                writer.write(reply("400 Bad Request", b'{"error":"invalid_client","error_description":"invalid pair"}'))
                return
            given = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86_399}
            writer.write(reply("200 OK", json.dumps(given).encode()))
        elif not path.startswith("/Tenant1/V1/"):
            writer.write(reply("404 Not Found", b'{"error_code":"404","message":"Resource not found"}'))
        elif request.header("Authorization") != f"Bearer {TOKEN}":
            writer.write(reply("401 Unauthorized", b'{"error_code":"401013","message":"Oauth token is not valid"}'))
        elif path.endswith("/modules"):
            writer.write(reply("200 OK", b'["Magento_Store","Magento_Catalog"]'))
        elif path.endswith("/store/storeViews"):
            writer.write(reply("200 OK", b'[{"id":1,"code":"default","name":"Default","is_active":1}]'))
        elif path.endswith("/products"):
            row = b'{"id":1,"sku":"A","updated_at":"2026-01-01 00:00:00"}'
            found = _is_found(request.head.split()[1].decode())
            writer.write(reply("200 OK", b'{"items":[%b],"total_count":%d}' % (row if found else b"", found)))
        else:
            writer.write(reply("404 Not Found", b'{"message":"Request does not match any route."}'))


def _is_found(path: str) -> bool:
    """Whether the one product, with the id 1, passes the filters; nothing has changed lately."""
    query = {name: values[0] for name, values in parse_qs(path.partition("?")[2]).items()}
    compared = {"gt": int.__gt__, "gteq": int.__ge__, "lt": int.__lt__, "lteq": int.__le__}
    for name, field_name in query.items():
        if "filters" in name and name.endswith("[field]"):
            value, condition = (query[name.replace("[field]", f"[{key}]")] for key in ("value", "condition_type"))
            if field_name == "updated_at" or (field_name == "entity_id" and not compared[condition](1, int(value))):
                return False
    return True


@asynccontextmanager
async def cloud_service() -> AsyncIterator[CloudService]:
    made = CloudService()
    async with serving(made.response) as server:
        made.server = server
        yield made
