"""Grants for secrets, as a trusted profile has them."""

from __future__ import annotations

from pathlib import Path

from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.profile.capabilities import capabilities
from tui_connector.profile.model import Profile
from tui_connector.secrets.capability import Capability, Grants, ResolvedCommand
from tui_connector.secrets.source import SecretSource
from tui_connector.secrets.vault import Vault


def granted(source: SecretSource, *origins: str, directory: Path = Path("/"), machine: Machine | None = None) -> Grants:
    """Grants to send this secret to these origins directly, and to run its command."""
    found = {Capability.of("secret", "", secret=source.key, to=origin) for origin in origins}
    if source.command is not None:
        environ = {} if machine is None else machine.environ
        found.add(ResolvedCommand.of(source.command, source.environment or [], directory, environ).capability)
    return Grants(frozenset(found))


async def read(vault: Vault, source: SecretSource, origin: str, grants: Grants | None = None) -> str:
    """The secret for this origin, granted by default."""
    return await vault.read(source, origin, "", grants or granted(source, origin), Path("/"))


def everything(profile: Profile, bench: Workbench) -> Grants:
    """Grants for everything that this profile can do."""
    return Grants(frozenset(capabilities(profile, bench.directory, bench.machine)))
