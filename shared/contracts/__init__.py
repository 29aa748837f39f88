"""The wire contracts: data only, owned by the producer, versioned, with schemas and examples."""
