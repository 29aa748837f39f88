"""The one-machine run: PostgreSQL, a broker, the portal's stand-in, the demo, and their processes.

Nothing here is needed in production. `postgres` and `broker` give what the machine offers,
`processes` starts and ends the services, `provision` makes databases and roles (compose uses it
too). Every server listens on loopback only, and ends when the process that started it ends.
"""
