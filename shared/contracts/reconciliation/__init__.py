"""Wire contracts that the reconciliation service produces."""
