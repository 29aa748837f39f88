"""The Debident gateway: owns transmissions, their attempts and polls, and fetched DEB files.

Topics in: practice-events (`contract-changed`), order-events (`order-prepared`; `order-confirmed`
by a person ends the sending and asking; `order-withdrawal-requested` is answered here;
`order-overdue` slows the asking down).
Topics out: order-events (`order-sent`, `order-send-failed`, `order-held`, `order-arrived`,
`order-refused`, `order-withheld`), deb-file-events (`deb-file-fetched`, `deb-file-missing`,
`deb-file-gap-closed`), portal-events (`portal-unreachable`, `portal-reachable`),
dead-letter-events.
Tables: contract_terms (known from events), portal_credentials, portal_sftp_credentials,
transmission, send_attempt, arrival_poll, deb_cursor, deb_file, deb_listing, deb_gap,
portal_circuit, account_circuit, hand_report; and those of shared.messaging and shared.web.
"""
