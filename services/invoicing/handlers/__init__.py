"""One use case per file: a frozen command and the function that carries it out."""
