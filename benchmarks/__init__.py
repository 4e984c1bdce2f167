"""Measuring commands; each prints the table that docs/benchmarks.md quotes."""
