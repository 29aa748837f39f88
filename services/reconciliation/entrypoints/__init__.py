"""Where work comes in: events, HTTP requests, and the worker that books DEB files."""
