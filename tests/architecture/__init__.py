"""The rules of the house, checked on the source itself; each check is shown to be able to fail."""
