"""Pin what the coder makes of the labelled sets: `python tests/golden.py` writes `tests/golden.json` anew.

The digest covers every field of every coding, in the order of the files. A change that is to change no coding leaves it as
it is; one that changes codings raises `CODER_VERSION` and pins the new digest.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from score_coding import load

from forecast.coding import CODER_VERSION, Coder
from forecast.coding_format import to_record
from forecast.records import Article, Coding

PINNED = Path(__file__).parent / "golden.json"


def labelled() -> list[Article]:
    """All labelled texts, articles and sentences, as articles."""
    out = []
    for kind in ("articles", "sentences"):
        for item in load(kind):
            at = datetime.fromisoformat(item["published"]).replace(tzinfo=UTC)
            out.append(Article(f"{kind}/{item['id']}", item.get("title", ""), item["text"], "", "labelled", "third", at, at, at))
    return out


def codings(coder: Coder) -> Iterator[tuple[Article, Coding]]:
    """Each labelled text with its coding; sentences are read though they may not seem to be about talks."""
    for a in labelled():
        yield a, coder.code(a.text, a.effective.date(), a.title, force=a.article_id.startswith("sentences/"))


def line(article: Article, coding: Coding) -> str:
    """One coding as a line; numbers to six digits, which processors agree on."""
    return json.dumps([article.article_id, _rounded(to_record(coding))], sort_keys=True, ensure_ascii=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 6) + 0.0 if isinstance(value, float) else value


def digest(coder: Coder) -> dict[str, object]:
    """Version, number of texts and their digest, and the digest of their codings."""
    texts, made = hashlib.sha256(), hashlib.sha256()
    n = 0
    for a, c in codings(coder):
        n += 1
        texts.update(json.dumps([a.article_id, a.title, a.text, a.effective.isoformat()]).encode())
        made.update(line(a, c).encode())
    return {"coder": CODER_VERSION, "texts": n, "texts_sha256": texts.hexdigest(), "codings_sha256": made.hexdigest()}


def main() -> None:
    """Write the file; with `--lines`, print every coding instead, to compare two versions by `diff`."""
    coder = Coder()
    if "--lines" in sys.argv:
        for a, c in codings(coder):
            print(line(a, c), end="")
        return
    PINNED.write_text(json.dumps(digest(coder), indent=1) + "\n", encoding="utf-8")
    print(PINNED.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
