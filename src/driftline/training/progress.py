"""What a training tells while it runs: a progress bar on stderr and TensorBoard's event files."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Reports nothing; the base of those that do."""

    def start(self, total: int, done: int) -> None:
        """The training of ``total`` steps begins after ``done`` steps."""

    def step(self, step: int, events: int, loss: float) -> None:
        """``loss`` is the mean since the last call; ``events`` have been seen in all."""

    def validation(self, step: int, loss: float) -> None:
        """The validation loss after ``step`` steps."""

    def finish(self) -> None:
        """The training has ended."""

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Before the training ``total`` events are seen for something; told of more of them."""
        yield lambda more: None


class ConsoleProgress(Progress):
    """A progress bar on stderr, lines where stderr is no terminal, and a TensorBoard log.

    Args:
        title: what is being trained.
        log: directory of the TensorBoard log.
        unit: name of the events, in the plural.
    """

    def __init__(self, title: str, log: Path, unit: str = "events") -> None:
        self.title, self.log, self.unit = title, log, unit
        self.console = Console(stderr=True)

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar of its own; where stderr is no terminal, a line when it begins."""
        title = f"{self.title} {what}"
        if not self.console.is_terminal:
            print(f"{title} of {total} {self.unit}", file=self.console.file, flush=True)
        with self._bar() as bar:
            task = bar.add_task(title, total=total, text=self.unit)
            yield lambda more: bar.advance(task, more)

    def _bar(self) -> Bar:
        return Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} {task.fields[text]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def start(self, total: int, done: int) -> None:
        """Show the bar and open the log."""
        # Not at the top: TensorBoard takes a second to import.
        from torch.utils.tensorboard import SummaryWriter

        self.summary = SummaryWriter(str(self.log), purge_step=done)
        self.total, self.rate, self.valid = total, 0.0, ""
        self.clock, self.events = time.monotonic(), -1
        self.bar = self._bar()
        self.task = self.bar.add_task(self.title, total=total, completed=done, text="")
        self.bar.start()

    def step(self, step: int, events: int, loss: float) -> None:
        """Loss, events per second and time left."""
        now = time.monotonic()
        if self.events >= 0:
            self.rate = (events - self.events) / max(now - self.clock, 1e-9)
            self.summary.add_scalar(f"{self.unit}_per_second", self.rate, step)
        self.clock, self.events = now, events
        self.summary.add_scalar("loss/training", loss, step)
        text = f"loss {loss:.4f}{self.valid}  {self.rate:,.0f} {self.unit}/s"
        self.bar.update(self.task, completed=step, text=text)
        if not self.console.is_terminal:
            print(f"{self.title} {step}/{self.total}  {text}", file=self.console.file, flush=True)

    def validation(self, step: int, loss: float) -> None:
        """Log the loss, and show it from now on."""
        self.valid = f"  validation {loss:.4f}"
        self.summary.add_scalar("loss/validation", loss, step)

    def finish(self) -> None:
        """Close bar and log."""
        self.bar.stop()
        self.summary.close()
