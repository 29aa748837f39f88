"""The rules of billing, pure: amounts, numbers, documents and the life of an invoice."""
