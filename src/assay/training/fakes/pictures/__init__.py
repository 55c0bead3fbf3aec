"""Ways of making spoofs from bona fide pictures.

    method.py         what they share; methods.py: all of them by name
    factory.py        folders of them with their protocol; storing.py: how files are read and written
    faces.py          the face they work on; donors.py: another one that fits it
    generators.py     whole pictures without a parent
    engines.py        where weights lie; autoencoder_room.py: how our own autoencoders are trained
    masks.py, colour.py, warp.py, seamless.py    what several of them are made of

One file per way. A spoof has its parent's content and size, and its twin's whole history of decoding, reducing and
storing; only the synthesis differs, so a detector trained on such pairs cannot win by anything else.
"""
