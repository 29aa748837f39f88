"""All tests: unit (no network), contracts, architecture, integration (real servers), e2e."""
