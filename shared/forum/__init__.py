"""The Forum Datenaustausch format: its official schemas, and a parser that trusts nothing.

Invoicing writes and reads invoices with it; the command that checks order packages holds their
documents against it. It knows the format, and nothing of any service.
"""
