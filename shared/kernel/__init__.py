"""The kernel: money, ids, time and errors. Standard library only, so that every room may use it."""
