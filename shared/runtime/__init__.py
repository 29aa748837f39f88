"""How a service process runs: settings, its parts, and a clean end."""
