"""What every kind of test may use."""

import os
import signal

pytest_plugins = ["tests.lab.plugin", "tests.golden.plugin", "tests.workers", "tests.told"]

os.environ["LANGUAGE"] = "C"  # texts are asserted as they stand in the code

# A shell has what it starts in the background ignore Ctrl-C, and all its children too; some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
