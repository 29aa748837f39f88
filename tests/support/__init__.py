"""What several test trees share: real servers from whatever the machine offers, and waiting."""
