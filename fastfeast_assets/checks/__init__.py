"""Asset checks: what is promised about the data, as named results with numbers."""
