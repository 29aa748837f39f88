"""How work enters invoicing: HTTP requests and received events."""
