"""From the bytes of a landing file to chunks of text columns; nothing is judged here."""
