"""PostgreSQL, the object store and the Forum Datenaustausch format behind invoicing's ports."""
