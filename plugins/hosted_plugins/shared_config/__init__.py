"""Configuration that operators look at and change key by key, on this host and on the shared storage."""
