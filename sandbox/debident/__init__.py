"""The stand-in of the factor's portal: a process of its own, with its own state and clock.

It implements docs/portal-http.md and docs/portal-sftp.md over real sockets, so that a machine
without access to the real portal can run all five steps. `portal` is the behaviour, `api`, `admin`
and `sftp_server` are its faces, `life` what happens to an invoice, `deb_writer` how that is written
down for the practice.
"""
