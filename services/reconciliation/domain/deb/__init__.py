"""Reading DEB files: a layout (data) and a streaming reader that never raises on bad data."""
