"""The wheel, the locks and the image: what is handed to others, as they get it."""
