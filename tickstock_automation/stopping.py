"""Whether this worker was told to stop. Celery's pool children do not hear of a warm shutdown: they ask here.

The byte is shared with every process forked after this module was loaded, so what the parent sets all of them read.
"""

from __future__ import annotations

import mmap

_told = mmap.mmap(-1, 1)


def request() -> None:
    """The worker was told to stop: `celery.py` calls this in the parent."""
    _told[0] = 1


def requested() -> bool:
    """True once the worker was told to stop: finish soon, or give the batch back."""
    return _told[0] != 0
