"""Checks of the host before anything is changed."""
