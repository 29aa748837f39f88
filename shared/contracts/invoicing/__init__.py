"""Wire contracts that the invoicing service produces."""
