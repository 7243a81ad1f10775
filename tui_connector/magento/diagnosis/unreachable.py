"""What to do where no connection to a store was made: what is usually wrong with its host and port, and what to try."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...client.message import Failure
from ...client.uri import DEFAULT_PORTS, is_loopback, origin_of
from ...errors import InvalidValue

_CONTAINER = (
    "If this program runs in a container, {host} is that container: use host.docker.internal or the name of the store's"
    " container. If the store runs in one, its port must be published (docker ps shows as which)."
)


def connection_remedy(failure: Failure, uri: str) -> str:
    """What is usually wrong, and what to try, in two lines or three; "" for other failures.

    `uri`: the address that was requested.
    """
    try:
        origin = origin_of(uri)
        is_local = is_loopback(uri)
    except InvalidValue:  # of a file of another tool
        return ""
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    match failure:
        case Failure.REFUSED if is_local:
            return (
                f"Nothing accepts connections at port {port} of this computer. Usually the store is not running, or "
                f"uses another port.\n{_CONTAINER.format(host=host)}\n"
                f"Try: start the store; open {origin} in a browser; correct the port of the address."
            )
        case Failure.REFUSED:
            return (
                f"Nothing accepts connections at port {port} of {host}. Usually the port is wrong (https: 443, http: "
                "80), the web server is down, or a firewall refuses this computer, which may need a VPN.\n"
                f"Try: open {origin} in a browser; curl -v {origin}/ from another network; ask the administrator of "
                "the store which addresses are allowed."
            )
        case Failure.TIMEOUT_CONNECT:
            return (
                f"Port {port} of {host} does not respond at all. Usually a firewall drops what this computer sends, a "
                "VPN is missing, the address is that of another network, or the port is wrong (https: 443, http: 80)."
                f"\nTry: connect the VPN; open {origin} in a browser; ask the administrator of the store which "
                "addresses are allowed."
            )
        case Failure.DNS:
            return (
                f"No address is known for the name {host}. Usually it is misspelt, or only a VPN or an office network "
                "knows it; in a container, names of other containers are known only in the same network.\n"
                f"Try: nslookup {host}; connect the VPN; compare the name with the store's address in a browser."
            )
    return ""
