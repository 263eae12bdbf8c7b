"""engine-setup, engine-cleanup and engine-upgrade-check."""
