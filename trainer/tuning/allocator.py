"""Makes the C library give memory back while a base is loaded.

Role: each dense weight is freed once it is quantised, but glibc, having seen such sizes, keeps the
room for more of them: the same load then peaks anywhere between one and three times what it needs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_MMAP_THRESHOLD = -3  # mallopt's parameter
_WHILE_LOADING, _AFTERWARDS = 2**20, 2**22  # bytes


@contextmanager
def memory_given_back() -> Iterator[None]:
    """Inside the block large pieces go back as soon as they are freed; without glibc, nothing."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield
        return
    library.mallopt(_MMAP_THRESHOLD, _WHILE_LOADING)
    try:
        yield
    finally:
        # Larger keeps more room than it needs, smaller has the system clear pages all the time:
        # one row of the 0.5B stand-in took 1.9 GB and 10.2 s at 1 MiB, 2.3 GB and 7.8 s at 4 MiB,
        # 2.5 GB and 6.7 s at 32 MiB.
        library.mallopt(_MMAP_THRESHOLD, _AFTERWARDS)
        library.malloc_trim(0)
