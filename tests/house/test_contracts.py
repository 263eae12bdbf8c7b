"""The import contract of our own finds what it should."""

import grimp
import pytest

from tools.contracts import InsidesContract


def graph_of(*imports: tuple[str, str]) -> grimp.ImportGraph:
    graph = grimp.ImportGraph()
    for name in ("f", "f.disk", "f.disk.steps", "f.disk.sizes", "f.vm", "f.vm.steps", "main"):
        graph.add_module(name)
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    return graph


@pytest.mark.parametrize(
    ("importer", "imported", "kept"),
    [
        ("f.vm.steps", "f.disk", True),
        ("f.disk.steps", "f.disk.sizes", True),
        ("f.disk", "f.disk.sizes", True),
        ("f.vm.steps", "f.disk.sizes", False),
        ("f.vm", "f.disk.steps", False),
        ("main", "f.disk.steps", False),
    ],
)
def test_insides(importer: str, imported: str, kept: bool) -> None:  # noqa: FBT001
    contract = InsidesContract("name", {}, {"package": "f"})
    result = contract.check(graph_of((importer, imported)), verbose=False)
    assert result.kept is kept
    if not kept:
        assert result.metadata["found"] == [
            f"{importer} imports {imported}; {imported.rpartition('.')[0]} itself does not offer it"
        ]
