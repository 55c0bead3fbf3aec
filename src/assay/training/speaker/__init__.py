"""Calibrating the speaker encoder: persons, what is heard of them, comparisons, figures, the card.

The encoder itself is not trained here. Persons of `train` partitions fit and choose; those of `eval` are reported.
"""
