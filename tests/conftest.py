"""What every kind of test may use."""

pytest_plugins = ["tests.lab.plugin", "tests.golden.plugin"]
