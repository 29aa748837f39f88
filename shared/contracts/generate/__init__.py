"""Generates what the wire models already say: JSON Schemas, the AsyncAPI document, docs/events.md.

Run as `python -m shared.contracts.generate`; with `--check` it writes nothing and reports what is
stale. The models are the one source; the generated files are committed so that a change shows.
"""
