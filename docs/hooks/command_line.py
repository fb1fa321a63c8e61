"""The page of the command line, from the commands themselves."""

from typing import Any

import typer

MARK = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put a section for each command in the place of the mark."""
    if MARK not in markdown:
        return markdown
    from driftline.cli import app

    root = typer.main.get_command(app)
    return markdown.replace(MARK, "\n".join(_sections(root, "driftline", None)))


def _sections(command: Any, name: str, parent: Any) -> list[str]:
    """A section for a command, or one for each command of a group."""
    context = command.context_class(command, info_name=name, parent=parent)
    children = getattr(command, "commands", {})
    if children:
        return [line for n, child in children.items() for line in _sections(child, n, context)]
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"## {context.command_path}", "", command.help or "", ""]
    lines += ["```text", usage, "```", "", "| Argument or option | |", "|---|---|"]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in record[0]:
            name, text = (part.replace("|", "/") for part in record)
            lines.append(f"| `{name}` | {text} |")
    return [*lines, ""]
