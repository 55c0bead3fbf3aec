"""Training: the only room that imports torch; nothing but the `train` command imports it, lazily."""
