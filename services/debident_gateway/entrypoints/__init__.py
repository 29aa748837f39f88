"""Where work comes in: received events, HTTP requests and the passing of time, each a table."""
