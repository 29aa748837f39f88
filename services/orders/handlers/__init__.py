"""The use cases of orders, one per file: a frozen command and the function that carries it out."""
