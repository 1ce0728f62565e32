"""Coding: from the text of one article to statements, mentions of rounds and tone.

Everything read keeps its place: `text[start:end] == quote`. The rules follow `codebook/`; the words
they look for are data there, so that a new issue or stance needs no code.
"""

from forecast.coding.coder import CODER_VERSION, Coder

__all__ = ["CODER_VERSION", "Coder"]
