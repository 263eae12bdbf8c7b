"""Tools of the source tree: set-up and demo. Not part of the package."""
