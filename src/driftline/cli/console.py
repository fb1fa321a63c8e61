"""Progress on stderr, tables on stdout."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text


class _Rate(ProgressColumn):
    """Events a second."""

    def __init__(self, events: str) -> None:
        super().__init__()
        self.events = events

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self.events}/s" if speed else "")


@contextmanager
def events_bar(events: str) -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """Progress bars that count events: ``start(name, total)`` gives what is told of more.

    Args:
        events: their name in the plural.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(events),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def start(name: str, total: int) -> Callable[[int], None]:
            task = bar.add_task(name, total=total)
            return lambda more: bar.update(task, advance=more)

        yield start


@contextmanager
def parts_bar() -> Iterator[Callable[[str, float, float], None]]:
    """A progress bar: told what is being computed, how much is done, and of how much."""
    columns = (BarColumn(), TextColumn("{task.percentage:.0f}%"), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )
        bar.update(task, description="done", completed=1, total=1)


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout; as wide as it needs where stdout is no terminal."""
    # As text: in a string rich takes a unit in brackets, such as [cm], for a style.
    table = Table(*(Column(Text(name)) for name in head), title=Text(title), title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    if not console.is_terminal:
        console.width = 160  # a file need not wrap where a terminal would
    console.print(table)
