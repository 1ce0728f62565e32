"""Where the data shipped with the package lies, in a wheel and in a checkout alike."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def data_path(*parts: str) -> Path:
    """Path of a bundled file or folder below `data/`.

    >>> data_path("cases", "russia-ukraine", "case.toml").name
    'case.toml'
    """
    inside = Path(str(resources.files("forecast"))) / "data"
    root = inside if inside.is_dir() else inside.parent.parent / "data"
    return root.joinpath(*parts)
