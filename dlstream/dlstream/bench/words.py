"""A measured rig on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dlstream.bench.figures import Figures, verdict


def show_figures(figures: Figures, console: Console) -> None:
    """Prints times, frames without a pose, rates, and what they mean."""
    heads = ("ms", "mean", "SD", "min", "p50", "p95", "p99", "max", "n")
    table = Table(*heads[:1], title="Times", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.columns[0].min_width = 24
    for head in heads[1:]:
        table.add_column(head, justify="right")
    for item in figures.times:
        numbers = (item.mean, item.sd, item.least, item.p50, item.p95, item.p99, item.most)
        table.add_row(item.name, *(f"{value:.2f}" for value in numbers), str(item.n))
    console.print()
    console.print(table)
    console.print()
    share = f" ({figures.without / figures.frames:.1%})" if figures.frames else ""
    console.print(f"Frames            {figures.frames}, {figures.without} without a pose{share}")
    console.print(f"Frames a second   {figures.rate:.1f} on average")
    if figures.summary.frames_dropped:
        console.print(
            f"[yellow]{figures.summary.frames_dropped} frames were not recorded: the recorder was too slow.[/]"
        )
    console.print()
    for sentence in verdict(figures):
        console.print(f"[bold]{escape(sentence)}[/]")
