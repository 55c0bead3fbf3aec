"""Still pictures: what is looked for in them, and how a result is made of it."""
