"""`python -m benchmarks [NAME ...]`: print tables of ratios, and write them as JSON."""

from __future__ import annotations

import argparse
import inspect
import json
import platform
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    accuracy,
    cdm,
    city,
    closedloop,
    dif,
    forms,
    growth,
    irt,
    markshark,
    memory,
    precision,
    reading,
    recommend,
    recovery,
    scoring,
    workers,
)

BENCHMARKS = {
    "reading": reading.run,
    "forms": forms.run,
    "workers": workers.run,
    "memory": memory.run,
    "markshark": markshark.run,
    "omr-accuracy": accuracy.run,
    "scoring": scoring.run,
    "irt": irt.run,
    "dif": dif.run,
    "cdm": cdm.run,
    "growth": growth.run,
    "precision": precision.run,
    "recovery": recovery.run,
    "closed-loop": closedloop.run,
    "recommend": recommend.run,
    "city": city.run,
}


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--size", type=float, default=1.0, help="multiply the amount of work (default 1)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the JSON files")
    parser.add_argument("--preset", help="omr-accuracy: one kind of damage, such as phone or phone*2; default: all")
    parser.add_argument("--seed", type=int, help="omr-accuracy: what the chances depend on")
    parser.add_argument("--workers", type=int, help="omr-accuracy: processes; default: a core each")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    console = Console(width=120)
    for name in options.names or BENCHMARKS:
        run = BENCHMARKS[name]
        given = {key: value for key, value in vars(options).items() if value is not None}
        result = run(**{key: given[key] for key in inspect.signature(run).parameters if key in given})
        table = Table(title=f"{name}: {result['what']}", title_justify="left")
        for column in result["rows"][0]:
            table.add_column(column, justify="left" if column == "contender" else "right")
        for row in result["rows"]:
            table.add_row(*map(_cell, row.values()))
        console.print(table)
        for note in result.get("notes", ()):
            console.print(note, markup=False, highlight=False)
        options.output.mkdir(parents=True, exist_ok=True)
        path = options.output / f"{name}.json"
        machine = {"machine": platform.machine(), "python": platform.python_version()}
        path.write_text(json.dumps({**machine, **result}, ensure_ascii=False, indent=1), encoding="utf-8")


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":  # worker processes import this module
    main()
