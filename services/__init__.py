"""The services of Quittance; none of them imports another."""
