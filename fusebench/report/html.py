"""HTML: one page that needs nothing else, for a browser or for print."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from fusebench.report.base import Format, Verdicts
from fusebench.results import Results

MOST_BYTES = 950_000  # of a page; a longer one is made brief


class Html(Format):
    """One self-contained page: no request leaves it, and no script but its own runs.

    The sort script and the style are allowed by their digests in the page's content security policy; every text that
    comes from data is escaped.
    """

    def render(self, results: Results, verdicts: Verdicts) -> str:
        """Return the page."""
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup

        from fusebench.report._drawing import Drawing
        from fusebench.report._page import page_of

        here = files("fusebench.report")
        style, script = (here.joinpath(name).read_text(encoding="utf-8") for name in ("_page.css", "_page.js"))

        def shown(value: object) -> object:
            # A drawing escapes its own texts; nothing else is trusted.
            return Markup(value.svg()) if isinstance(value, Drawing) else value  # noqa: S704 - see above

        environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=shown)
        template = environment.from_string(here.joinpath("_page.html.jinja").read_text(encoding="utf-8"))

        def text(*, brief: bool) -> str:
            return template.render(
                page=page_of(results, verdicts, brief=brief),
                style=Markup(style),  # noqa: S704 - a file of this package
                script=Markup(script),  # noqa: S704 - a file of this package
                style_hash=Markup(_allowed(style)),  # noqa: S704 - a digest
                script_hash=Markup(_allowed(script)),  # noqa: S704 - a digest
            )

        whole = text(brief=False)
        return whole if len(whole.encode()) <= MOST_BYTES else text(brief=True)


def _allowed(text: str) -> str:
    """Return what a content security policy calls an inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
