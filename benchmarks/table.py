"""Figures as one table, for the terminal and as Markdown. Pure."""

from collections.abc import Sequence

from benchmarks.figure import Figure

_HEADS = ("figure", "ours", "ceiling in the same run", "ratio (spread)", "must", "aim", "")


def number(value: float) -> str:
    """Write a number with three significant digits, or whole with thousands separated."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def plain_table(figures: Sequence[Figure]) -> str:
    """Write the figures in columns, each note on a line of its own below its figure."""
    rows = [_cells(figure) for figure in figures]
    widths = [max(len(row[column]) for row in [_HEADS, *rows]) for column in range(len(_HEADS))]
    lines = [_line(_HEADS, widths), _line(["-" * width for width in widths], widths)]
    for figure, row in zip(figures, rows, strict=True):
        lines.append(_line(row, widths))
        if figure.note:
            lines.append(f"    {figure.note}")
    return "\n".join(lines)


def markdown_table(figures: Sequence[Figure]) -> str:
    """Write the figures as a Markdown table; notes follow it, one a figure that has one."""
    rows = [_HEADS, ["---"] * len(_HEADS), *(_cells(figure) for figure in figures)]
    table = "\n".join("| " + " | ".join(_escape(cell) for cell in row) + " |" for row in rows)
    notes = "\n".join(f"- {figure.name}: {figure.note}" for figure in figures if figure.note)
    return f"{table}\n\n{notes}".strip() + "\n"


def _cells(figure: Figure) -> Sequence[str]:
    spread = f" ({number(figure.spread[0])} to {number(figure.spread[1])})" if figure.spread else ""
    ceiling = "-" if figure.ceiling is None else f"{number(figure.ceiling)} {figure.unit}, {figure.ceiling_name}"
    sign = "" if figure.kind == "higher" else "at most "
    return (
        figure.name,
        f"{number(figure.ours)} {figure.unit}" + (spread if figure.ratio is None else ""),
        ceiling,
        "-" if figure.ratio is None else number(figure.ratio) + spread,
        "-" if figure.goal.must is None else sign + number(figure.goal.must),
        "-" if figure.goal.aim is None else sign + number(figure.goal.aim),
        "" if figure.verdict == "-" else figure.verdict,
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")
