"""Exceptions: one small tree. Each message names the subject and the cause; `hint` says what to do."""

from __future__ import annotations


class ForecastError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    message : what is wrong, naming the file, column or address.
    hint : what the reader can do about it, or an empty string.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class CaseError(ForecastError):
    """A case folder or its `case.toml` cannot be used."""


class RetrieveError(ForecastError):
    """A feed or page could not be fetched."""


class ParseError(ForecastError):
    """Bytes arrived, but they are not what was expected."""


class TableError(ForecastError):
    """A table lacks a column, repeats a key, or holds a value outside its codebook range."""


class ArchiveError(ForecastError):
    """The archive of a case cannot be opened, read or written."""


class ModelError(ForecastError):
    """A model cannot be fitted, loaded or applied."""


class EngineError(ForecastError):
    """The processes or the cluster that should code articles cannot be used."""
