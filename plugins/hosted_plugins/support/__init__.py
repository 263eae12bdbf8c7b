"""Logs of host and engine in one file, secrets removed."""

from typing import Final

from hosted_plugins.support.bundle import Bundle, EngineShell

ROOT_PASSWORD: Final = "OVEHOSTED_VM/cloudinitRootPwd"  # noqa: S105 - a key
"""The key of the answer that opens the engine VM's shell."""

__all__ = ["ROOT_PASSWORD", "Bundle", "EngineShell"]
