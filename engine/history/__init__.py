"""The history of exams: a store of them linked by student_id, trends, and who could be followed from one to the next.

- `track` puts an exam into a store, `History` reads it.
- `trend`: the exams one after the other, on a linked scale where papers share questions of the bank.
- `linkage`: transfers, and who is missing.
"""

from engine.history.linkage import linkage, prior_scores
from engine.history.pupils import item_points, pupil_scores
from engine.history.store import History, StoredExam, track
from engine.history.trend import Sitting, trend

__all__ = [
    "History",
    "Sitting",
    "StoredExam",
    "item_points",
    "linkage",
    "prior_scores",
    "pupil_scores",
    "track",
    "trend",
]
