"""Pages of ``docs/`` hold, between marks, what each optional capability has to say there.

Between ``<!-- capabilities: <name> -->`` and ``<!-- end -->`` stand their ``docs/<name>.md``, one
after the other. ``python -m operations.pages`` fills the pages anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from operations.cdk import ROOT
from stacks import registry

FOLDER = ROOT / "docs"
_BLOCK = re.compile(r"(<!-- capabilities: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> Iterator[Path]:
    """Pages with a mark."""
    yield from (p for p in sorted(FOLDER.glob("*.md")) if _BLOCK.search(p.read_text("utf-8")))


def marks(text: str) -> list[str]:
    """Names of a page's marks."""
    return [match[2] for match in _BLOCK.finditer(text)]


def filled(text: str) -> str:
    """The page with each mark's block as the capabilities have it."""
    return _BLOCK.sub(lambda m: f"{m[1]}{_told(m[2])}{m[3]}", text)


def _told(name: str) -> str:
    """Each part ends in an empty line, so that a mark does not become a row of its table."""
    return "".join(f"{path.read_text('utf-8')}\n" for path in registry.files(f"docs/{name}.md"))


if __name__ == "__main__":
    for page in pages():
        page.write_text(filled(page.read_text("utf-8")), encoding="utf-8")
