"""Benchmarks: what the product does in bulk, held against a floor that is measured beside it.

A floor is the least that the same result can cost: the same documents through lxml alone, the same
rows through COPY alone. Seconds belong to one machine and one moment; the ratio to the floor does
not. `make bench` runs everything (BENCH=name picks one), each benchmark on a PostgreSQL of its own
that ends with it; `python -m bench.report` writes the table in docs/performance.md.
"""
