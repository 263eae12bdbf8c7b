"""Measurements of the product against checked-in baselines of the same work; `python -m benchmarks` runs them."""
