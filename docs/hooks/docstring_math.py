"""Docstrings write formulas as Sphinx does; this turns them into the dollars of Markdown."""

import re
import textwrap
from typing import Any

from griffe import Extension, Object

_INLINE = re.compile(r":math:`(.+?)`", re.DOTALL)
_BLOCK = re.compile(
    r"^\.\. math::(?P<first>[^\n]*\n)(?P<rest>(?:[ \t]+\S[^\n]*\n|\n(?=[ ]))*)", re.M
)


class DocstringMath(Extension):
    """Rewrites the formulas of every docstring."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for each object when it and its members are loaded."""
        if obj.docstring:
            obj.docstring.value = in_dollars(obj.docstring.value)


def in_dollars(text: str) -> str:
    """The text with ``:math:`` as $...$ and ``.. math::`` as $$...$$."""
    text = _INLINE.sub(lambda m: f"${' '.join(m[1].split())}$", text + "\n")
    return _BLOCK.sub(_display, text).rstrip("\n")


def _display(match: re.Match[str]) -> str:
    lines = f"{match['first']}\n{textwrap.dedent(match['rest'])}"
    return f"\n$$\n{' '.join(lines.split())}\n$$\n"
