"""Outbox, relay, ingest, inbox, processor, auditor, dead letters: mechanism without domain words.

The shape is drawn in docs/architecture.md; the reasons are in docs/decisions/0003.
"""
