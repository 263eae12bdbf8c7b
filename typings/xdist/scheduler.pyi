import pytest

class LoadScopeScheduling:
    config: pytest.Config

    def __init__(self, config: pytest.Config, log: object = ...) -> None: ...
    def _split_scope(self, nodeid: str) -> str: ...
