"""Refuses to build a package without the page that every party serves; ``make page`` builds the page."""

import re
from pathlib import Path
from typing import Any, override

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = "src/aukciszek/server/page_files/index.html"


class PageHook(BuildHookInterface[Any]):
    """Looks whether the page is there."""

    @override
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop the build if it would make a package without the page.

        Args:
            version: ``editable`` for the environment of developers, who may do without the page.
            build_data: what the build begins with; left alone.

        Raises:
            SystemExit: the page is missing; the text says what to do.
        """
        page = Path(self.root) / PAGE
        if version != "editable" and not is_whole(page):
            raise SystemExit(
                f"{PAGE} is missing or not whole: a package without it would be a party without a page. "
                "Run `make page` (it needs Node.js), then build again."
            )


def is_whole(page: Path) -> bool:
    """Tell whether a page is there with every script and style that it names."""
    if not page.is_file():
        return False
    named = re.findall(r'(?:src|href)="\.?/?(assets/[^"]+)"', page.read_text(encoding="utf-8"))
    return bool(named) and all((page.parent / name).is_file() for name in named)
