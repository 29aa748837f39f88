"""Where work comes in: received events and HTTP requests, each a table."""
