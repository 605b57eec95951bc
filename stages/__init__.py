"""The stages of an exam, one function a verb: each takes an exam folder, calls `omr`, `engine` or `report`, and keeps
what they return as tables under `out/`. This is the one place where pictures and numbers meet.
"""

from engine.intake.people import Given
from stages.banks import calibrate_bank, check_bank, convert_bank
from stages.blueprints import convert_blueprint
from stages.equity import equity
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
