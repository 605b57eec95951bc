"""The stages of an exam, one function a verb: each takes an exam folder, calls `omr`, `engine` or `report`, and keeps
what they return as tables under `out/`. This is the one place where pictures and numbers meet.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.intake.people import Given
    from stages.balance import equity
    from stages.banks import calibrate_bank, check_bank, convert_bank
    from stages.blueprints import convert_blueprint
    from stages.history import grow, track
    from stages.intake import import_blueprint, import_marks, import_roster, import_scores
    from stages.layouts import convert_layout, show_layout
    from stages.monitoring import scale
    from stages.numbers import analyze, score
    from stages.paper import layout_of, new, sheets
    from stages.reading import read, read_bare
    from stages.rehearsal import simulate
    from stages.reports import export, report
    from stages.teaching import diagnose, lecture, recommend
    from stages.whole import demo, run
    from stages.work import Progress, Summary, Work, pool, usable_cores

__all__ = [
    "Given",
    "Progress",
    "Summary",
    "Work",
    "analyze",
    "calibrate_bank",
    "check_bank",
    "convert_bank",
    "convert_blueprint",
    "convert_layout",
    "demo",
    "diagnose",
    "equity",
    "export",
    "grow",
    "import_blueprint",
    "import_marks",
    "import_roster",
    "import_scores",
    "layout_of",
    "lecture",
    "new",
    "pool",
    "read",
    "read_bare",
    "recommend",
    "report",
    "run",
    "scale",
    "score",
    "sheets",
    "show_layout",
    "simulate",
    "track",
    "usable_cores",
]

# A verb loads what it needs and no more: all of it takes seconds.
_MODULES = {
    "engine.intake.people": "Given",
    "stages.balance": "equity",
    "stages.banks": "calibrate_bank check_bank convert_bank",
    "stages.blueprints": "convert_blueprint",
    "stages.history": "grow track",
    "stages.intake": "import_blueprint import_marks import_roster import_scores",
    "stages.layouts": "convert_layout show_layout",
    "stages.monitoring": "scale",
    "stages.numbers": "analyze score",
    "stages.paper": "layout_of new sheets",
    "stages.reading": "read read_bare",
    "stages.rehearsal": "simulate",
    "stages.reports": "export report",
    "stages.teaching": "diagnose lecture recommend",
    "stages.whole": "demo run",
    "stages.work": "Progress Summary Work pool usable_cores",
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
