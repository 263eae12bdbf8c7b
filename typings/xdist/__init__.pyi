# pytest-xdist publishes no types; this is what the project uses of it.
