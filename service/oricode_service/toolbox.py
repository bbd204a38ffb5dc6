"""Puts the tools together from the settings: built-in ones, deployment targets, MCP servers, the approval policy."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

from . import collector
from .settings import Settings, ToolSettings
from .store.patience import PatientPrograms
from .store.port import Store
from .tools.chunks import StoreChunk
from .tools.deploy import DeployStoredCode
from .tools.mcp import config
from .tools.mcp.servers import McpServers
from .tools.registry import Registry
from .tools.syntax.abaplint import PACKAGED, Abaplint
from .tools.syntax.checker import SyntaxChecker
from .tools.syntax.tool import CheckSyntax
from .tools.targets.directory import DirectoryTarget
from .tools.targets.port import Target


class Toolbox:
    """All tools of a service; close it when no call runs any more."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Raises ValueError for a configuration that cannot be used."""
        programs = PatientPrograms(store.programs)
        abaplint = Abaplint(settings.abaplint_dir or PACKAGED, abap_version=settings.abap_version)
        self._checker = SyntaxChecker(abaplint)
        self.mcp = McpServers(_entries(settings.mcp_config), imported=collector.settle_more)
        self.registry = Registry(
            [
                StoreChunk(programs),
                CheckSyntax(programs, self._checker),
                DeployStoredCode(programs, _targets(settings), settings.deploy_target),
            ],
            lambda: self.mcp.tools,
            reserved=self.mcp.prefixes,
            settled=self.mcp.settled_at_start,
        )

    def start(self) -> None:
        """Begin to connect to MCP servers; nothing waits for them."""
        self.mcp.start()

    async def close(self) -> None:
        """End child processes and connections."""
        await self.mcp.close()
        await self._checker.close()


def _entries(path: Path | None) -> list[config.Entry]:
    return [] if path is None else config.parse(path.read_bytes(), os.environ)


def _targets(settings: Settings) -> dict[str, Target]:
    targets: dict[str, Target] = {"directory": DirectoryTarget(settings.data_dir / "deployed")}
    if settings.sap_url and settings.sap_user and settings.sap_password:
        from .tools.targets.adt_session import AdtSettings
        from .tools.targets.sap_adt import SapAdtTarget

        targets["sap-adt"] = SapAdtTarget(
            AdtSettings(
                url=settings.sap_url,
                user=settings.sap_user,
                password=settings.sap_password.get_secret_value(),
                client=settings.sap_client,
                language=settings.sap_language,
                package=settings.sap_package,
                transport=settings.sap_transport,
                ca_file=str(settings.sap_ca_file) if settings.sap_ca_file else None,
            )
        )
    return targets


class ApprovalPolicy:
    """Implements the engine's policy from the operator's rules."""

    def __init__(self, settings: ToolSettings) -> None:
        self._rules = settings.approvals
        self._fallback = settings.approvals_fallback

    def __call__(self, tool: str, can_ask: bool) -> str:
        for rule in self._rules:
            if fnmatchcase(tool, rule.pattern):
                return self._fallback if rule.decision == "ask" and not can_ask else rule.decision
        return "auto"
