"""The rules of speaking with the portal: pure, without a database, a network or a wire format."""
