"""The gateway's use cases, one per file: a frozen command and an async function."""
