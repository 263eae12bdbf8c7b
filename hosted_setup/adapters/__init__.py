"""The real outside world: one module a port. Imported only where a command needs it."""
