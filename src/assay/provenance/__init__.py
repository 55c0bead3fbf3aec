"""Content Credentials (C2PA): who vouches for a file, whether they are trusted, whether it was altered since.

    reader.py   the door: is there a manifest at all, ask the library, tell what the answer means
    guard.py    one question to the library in a process of its own, with a limit on time and memory
    child.py    what that process runs: c2pa-python with every road to the network closed
    answers.py  the library's answer as our own frozen objects
    words.py    status codes and findings in plain words

The shape of what is told is `assay.credentials`, which the result of a scan holds.

A valid signature says who vouches for a file, never that what it shows is true. Its absence proves nothing.
"""

from assay.credentials import Action, Failure, Ingredient, Provenance, Signer
from assay.provenance.reader import read_provenance

__all__ = ["Action", "Failure", "Ingredient", "Provenance", "Signer", "read_provenance"]
