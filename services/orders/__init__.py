"""Orders: owns orders, their lines, their packages (exact bytes), and the gate.

Topics in: practice-events, invoice-events, ledger-events, order-events (what the gateway reports).
Topics out: order-events (`order-prepared`, `order-confirmed`, `order-withdrawal-requested`,
`order-withdrawn`, `order-overdue`, `order-not-leaving`, `order-moved-on`,
`order-closed`), dead-letter-events.
Tables: practice, contract, invoice (what is known of them from events), order_count, orders,
order_line, order_fact, order_leaving, arrival_observation, prepare_task (the queue),
order_policy, credit_note, order_credit_note; and those of shared.messaging and shared.web.
"""
