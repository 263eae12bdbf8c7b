"""The features of hosted-engine: a folder each, registered through the same hooks as a third party's.

A feature's package holds what others may use of it: its answers and its products. Its steps are its own.
"""

from typing import Final

COMMANDS: Final = (
    "hosted_plugins.deploy.command",
    "hosted_plugins.runs.command",
    "hosted_plugins.support.command",
    "hosted_plugins.answers.command",
    "hosted_plugins.shared_config.command",
    "hosted_plugins.storage.command",
    "hosted_plugins.connect.command",
)
FEATURES: Final = (
    "hosted_plugins.deploy.steps",
    "hosted_plugins.checks.steps",
    "hosted_plugins.checks.host",
    "hosted_plugins.checks.names",
    "hosted_plugins.checks.wire",
    "hosted_plugins.virt.steps",
    "hosted_plugins.backup.steps",
    "hosted_plugins.image.steps",
    "hosted_plugins.image.disk",
    "hosted_plugins.storage.localfs",
    "hosted_plugins.storage.nfs",
    "hosted_plugins.storage.glusterfs",
    "hosted_plugins.storage.iscsi",
    "hosted_plugins.storage.fc",
    "hosted_plugins.storage.steps",
    "hosted_plugins.additional_host.steps",
    "hosted_plugins.network.steps",
    "hosted_plugins.vm.seed",
    "hosted_plugins.vm.steps",
    "hosted_plugins.bootstrap.steps",
    "hosted_plugins.engine.steps",
    "hosted_plugins.pauses.steps",
    "hosted_plugins.report.steps",
)
