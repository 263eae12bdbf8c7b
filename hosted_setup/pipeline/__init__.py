"""Runs flows: stages, steps, the plan, the journal, undo, waiting."""
