"""The wire contracts: schemas, examples, topics, and that every consumer takes every example."""
