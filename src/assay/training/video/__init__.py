"""How the temporal model of face tracks is trained; `assay train video` walks through it.

sequences.py: videos to sequences of features. changes.py: one face of a bona fide video changed over time. network.py:
the recurrent networks. fit.py: windows, couples and the loop. publish.py: export, calibration and the card. recipe.py,
run.py: all of it from a TOML file, in one command.
"""
