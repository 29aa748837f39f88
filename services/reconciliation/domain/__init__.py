"""The rules of the books, pure: no database, no wire, no time of its own."""
