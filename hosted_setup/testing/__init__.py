"""A pretended world behind the ports, kept in files: it survives the death of the process that uses it."""
