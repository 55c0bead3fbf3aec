"""Still pictures: the looks at them, the detector of synthetic ones, and faces."""
