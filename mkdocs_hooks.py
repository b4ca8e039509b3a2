"""Hooks of MkDocs: pages of the repository's root become pages of the site, and links follow them.

`docs/` is read in two places: in the repository, where `../ARCHITECTURE.md` is a file, and on the site, where only
`docs/` is. So each page of the root in `ROOT_PAGES` is added to the site, and a link to another file of the repository
becomes plain text: it leads nowhere on a site that is read without the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

ROOT: Final = Path(__file__).parent
ROOT_PAGES: Final = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Pages of the repository's root, and what they are called on the site."""

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>[^)\s:#]+)(?P<anchor>#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the root, and `llms.txt` from where it is kept."""
    from mkdocs.structure.files import (  # noqa: PLC0415 - MkDocs is where the site is built
        File,
    )

    for source, page in ROOT_PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=site_links(text, folder="")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of a page in `docs/` into those of the site."""
    if page.file.src_uri in ROOT_PAGES.values():
        return markdown
    return site_links(markdown, folder="docs")


def site_links(markdown: str, *, folder: str) -> str:
    """The text with its relative links as they are on the site.

    Args:
        markdown: the text of a page.
        folder: where the page stands in the repository: `docs`, or an empty string for the root.
    """

    def replaced(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, found["target"]))
        anchor = found["anchor"] or ""
        if path in ROOT_PAGES:
            return f"[{found['text']}]({ROOT_PAGES[path]}{anchor})"
        if path == "README.md":
            return f"[{found['text']}](index.md)"
        if path.startswith("docs/"):
            return f"[{found['text']}]({path.removeprefix('docs/')}{anchor})"
        return str(found["text"])

    return _LINK.sub(replaced, markdown)
