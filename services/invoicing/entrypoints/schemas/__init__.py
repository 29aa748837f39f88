"""The bodies of invoicing's HTTP API, checked digit by digit before anything else sees them."""
