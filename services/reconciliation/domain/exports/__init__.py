"""The journal as other programmes read it: a spreadsheet, Beancount, hledger. Pure text."""
