"""The HTTP edge: an aiohttp application built from a table of endpoints."""
