"""An import contract of our own: a feature's package is for everybody, the modules in it are for the feature alone."""

from typing import ClassVar, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class InsidesContract(Contract):
    """Nobody imports a module inside `PACKAGE.feature` from without; the package itself is what others may use."""

    type_name: ClassVar[str] = "insides"
    package = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - import-linter's form
        """Look at every module inside every feature."""
        found = [
            f"{importer} imports {inside}; {feature} itself does not offer it"
            for feature in graph.find_children(cast("str", self.package))
            for inside in graph.find_descendants(feature)
            for importer in graph.find_modules_that_directly_import(inside)
            if not f"{importer}.".startswith(f"{feature}.")
        ]
        return ContractCheck(kept=not found, metadata={"found": sorted(found)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the imports that should not be."""
        for line in check.metadata["found"]:
            output.print_error(f"- {line}", bold=False)
