"""`/`: the web page for people. Its files come out of the package; nothing of it is on another host.

The page is a client like any other: it asks the same routes, with a key where one is needed. So its own files are
public and hold nothing of anybody; what it may do is decided where it asks. Plain ES modules, no build step.
"""

from assay.serve.page.files import router

__all__ = ["router"]
