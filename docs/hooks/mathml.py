"""Formulas as MathML at build time: browsers draw it themselves, without scripts or network.

The Markdown extension arithmatex has marked the formulas; what is LaTeX there becomes MathML here.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert

_MARKED = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def on_page_content(content: str, **_: Any) -> str:
    """Replace every marked formula of a page."""
    return _MARKED.sub(_mathml, content)


def _mathml(match: re.Match[str]) -> str:
    latex = html.unescape(match["latex"]).strip()
    if match["tag"] == "span":
        return convert(latex)
    return f'<div class="formula">{convert(latex, display="block")}</div>'
