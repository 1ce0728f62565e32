"""A text that ends the process which reads it, as a fault in a compiled library would; sent about, it does no harm."""

from __future__ import annotations

import os
from typing import Any, NoReturn


def _die(*_: Any, **__: Any) -> NoReturn:
    os._exit(9)


class Deadly(str):
    """No reader gets past it: whatever is asked of it but its length, the process is gone."""

    __slots__ = ()
    __getitem__ = __iter__ = __contains__ = __add__ = lower = casefold = translate = replace = split = strip = encode = _die
    isascii = find = count = index = startswith = endswith = splitlines = join = format = _die
