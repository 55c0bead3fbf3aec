"""From a file to what a network of the zoo sees of it, and its answer: one reader for training, measuring and scans.

    file ──> stored array (reader.py) ──> views (form.py) ──> logits, their mean (network.py)
    recording ──> the same, heard while it streams by (sound.py)

Neither torch nor Lightning is needed. `assay.training.lab` keeps stored arrays and draws from them;
`assay.training.inputs` and the line of a scan go on to views at once.
"""

from assay.views.form import Form, Media
from assay.views.network import Network
from assay.views.reader import MediaReader, NothingSeen, shipped_picture_model

__all__ = ["Form", "Media", "MediaReader", "Network", "NothingSeen", "shipped_picture_model"]
