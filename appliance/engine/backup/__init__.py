"""engine-backup: writes, checks and restores backup archives."""
