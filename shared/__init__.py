"""What the services share: mechanism and contracts, never a service's own rules."""
