"""Read-only SQL behind the HTTP API; row-level security applies to it as to everything else."""
