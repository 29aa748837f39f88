"""Wire contracts that the orders service produces."""
