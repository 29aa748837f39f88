"""The use cases of reconciliation, one per file: a command and the function that carries it out."""
