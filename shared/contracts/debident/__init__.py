"""Wire contracts that the Debident gateway produces."""
