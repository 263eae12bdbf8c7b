"""Protocols of the outside things that a test fakes. Files need none: `--root` does it."""
