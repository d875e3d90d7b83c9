"""How a page is rendered: one HTML file that loads nothing, from templates beside its package."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_SHARED = Path(__file__).with_name("page.css")


def environment(templates: Path) -> Environment:
    """Templates that escape what they print and fail at what is not there."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style(own: Path) -> Markup:
    """The shared stylesheet with the page's own behind it."""
    return Markup(_SHARED.read_text("utf-8") + own.read_text("utf-8"))  # noqa: S704 - our own files
