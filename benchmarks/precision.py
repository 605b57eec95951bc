"""Prediction of held-out answers: the engine's knowledge tracing beside what else a user would try.

Logs with a published split, read in place from ../shared/data/psychometrics (`logs`: other folders of the same form:
data.csv with user or user_id, item_id or skill, correct or score, split; and perhaps qmatrix.csv). Everything is
learned from the rows that are not "test". If the test pupils have other answers there, each test answer is predicted
from these; else from the pupil's test answers before it, in the order of the file.

AUC, accuracy at 1/2, mean log-loss, and the expected calibration error: 15 bins of equal width, weighted mean of
|mean chance - share right| (Naeini, Cooper & Hauskrecht 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from engine.irt import TwoPL
from engine.tracing import KnowledgeTracer

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "psychometrics"
LOGS = ("math1_logs", "assistments2009_skills")
BINS = 15
MOST_CELLS = 20_000_000  # of the matrix of pupils and items that IRT is given


@dataclass(frozen=True)
class Split:
    """A log and its test rows; `sequence`: pupils of the test have no other answers, and rows are in order of time."""

    student: np.ndarray
    item: np.ndarray
    correct: np.ndarray
    test: np.ndarray
    sequence: bool
    q_matrix: dict[int, list[str]] | None

    def rows(self, which: np.ndarray) -> dict[str, np.ndarray]:
        columns = {"student": self.student[which], "item": self.item[which], "correct": self.correct[which]}
        return columns | ({"time": np.flatnonzero(which).astype(float)} if self.sequence else {})


def read(folder: Path, size: float = 1.0) -> Split:
    """The log of a folder, with every `1 / size`-th pupil."""
    table = pa.csv.read_csv(folder / "data.csv")

    def column(*names: str) -> np.ndarray:
        return table[next(name for name in names if name in table.column_names)].to_numpy()

    student, item, correct = column("user_id", "user"), column("item_id", "skill"), column("score", "correct")
    test = pc.equal(table["split"], "test").to_numpy()
    number = np.unique(student, return_inverse=True)[1]
    kept = np.floor((number + 1) * min(size, 1)) > np.floor(number * min(size, 1))
    sequence = not np.isin(student[test], student[~test]).any()
    q_matrix = None
    if (folder / "qmatrix.csv").exists():
        rows = pa.csv.read_csv(folder / "qmatrix.csv").to_pylist()
        q_matrix = {row.pop("item_id"): [name for name, asked in row.items() if asked] for row in rows}
    return Split(student[kept], item[kept], correct[kept], test[kept], sequence, q_matrix)


def tracing(log: Split) -> np.ndarray:
    """Ours, as `diagnose` has it."""
    model = KnowledgeTracer(log.q_matrix).fit(log.rows(~log.test))
    asked = log.rows(log.test)
    return model.predict_next(asked) if log.sequence else model.predict_proba(asked["student"], asked["item"])


def item_mean(log: Split) -> np.ndarray:
    """Share of right answers to the item."""
    n = log.item.max() + 1
    known = ~log.test
    right = np.bincount(log.item[known], weights=log.correct[known], minlength=n)
    return ((right + 0.5) / (np.bincount(log.item[known], minlength=n) + 1))[log.item[log.test]]


def two_parameter(log: Split) -> np.ndarray:
    """IRT: items by marginal maximum likelihood, abilities EAP. Only where pupils have answers outside the test."""
    pupils, student = np.unique(log.student, return_inverse=True)
    items, item = np.unique(log.item, return_inverse=True)
    X = np.full((len(pupils), len(items)), np.nan)
    X[student[~log.test], item[~log.test]] = log.correct[~log.test]
    model = TwoPL(standard_errors=False).fit(X)
    j, i = item[log.test], student[log.test]
    return expit(
        np.nan_to_num(model.discrimination_)[j] * model.transform(X)[i, 0] + np.nan_to_num(model.intercept_)[j]
    )


def one_hot(log: Split) -> np.ndarray:
    """Logistic regression on pupil and item, L2 penalty 1; an unknown pupil is an average one."""
    design = hstack([_indicator(log.student), _indicator(log.item)]).tocsr()
    return _logistic(log, design)


def performance_factors(log: Split) -> np.ndarray:
    """Performance factor analysis (Pavlik, Cen & Koedinger 2009): item, and wins and fails at each point, in logs.

    Without an order a training answer's wins and fails are those among the pupil's other training answers.
    """
    asked = {j: [j] for j in np.unique(log.item)} if log.q_matrix is None else log.q_matrix
    names = {name: k for k, name in enumerate(dict.fromkeys(name for of in asked.values() for name in of))}
    rows, columns, values = [], [], []
    wins: dict[tuple[int, int], list[int]] = {}
    known = ~log.test | log.sequence
    if not log.sequence:
        for student, item, correct in zip(log.student[known], log.item[known], log.correct[known], strict=True):
            for name in asked[item]:
                wins.setdefault((student, names[name]), [0, 0])[correct] += 1
    for row, (student, item, correct) in enumerate(zip(log.student, log.item, log.correct, strict=True)):
        for name in asked[item]:
            k = names[name]
            count = wins.setdefault((student, k), [0, 0])
            own = [0, 0]
            if not log.sequence and not log.test[row]:
                own[correct] = 1
            for outcome in (0, 1):
                rows.append(row)
                columns.append(2 * k + outcome)
                values.append(np.log1p(count[outcome] - own[outcome]))
            if log.sequence:
                count[correct] += 1
    design = csr_matrix((values, (rows, columns)), shape=(len(log.item), 2 * len(names)))
    return _logistic(log, hstack([_indicator(log.item), design]).tocsr())


def _indicator(labels: np.ndarray) -> csr_matrix:
    number = np.unique(labels, return_inverse=True)[1]
    return csr_matrix((np.ones(len(labels)), (np.arange(len(labels)), number)))


def _logistic(log: Split, design: csr_matrix) -> np.ndarray:
    model = LogisticRegression(max_iter=500).fit(design[~log.test], log.correct[~log.test])
    return model.predict_proba(design[log.test])[:, 1]


def calibration_error(correct: np.ndarray, chance: np.ndarray) -> float:
    """Expected calibration error, see the module's docstring."""
    place = np.minimum((chance * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(place, weights=chance - correct)).sum() / len(correct))


def run(size: float = 1.0, logs: Sequence[Path] = tuple(DATA / name for name in LOGS)) -> dict:
    """Predict the test rows of every log, of every `1 / size`-th pupil."""
    rows, notes = [], []
    for folder in logs:
        if not (folder / "data.csv").exists():
            notes.append(f"{folder.name}: not present")
            continue
        log = read(folder, size)
        contenders = {"yuejuan": tracing, "item mean": item_mean}
        if not log.sequence and len(np.unique(log.student)) * len(np.unique(log.item)) <= MOST_CELLS:
            contenders["IRT 2PL, EAP"] = two_parameter
        contenders |= {"PFA": performance_factors, "logistic regression, one-hot": one_hot}
        y = log.correct[log.test]
        for name, predict in contenders.items():
            p = predict(log)
            rows.append(
                {
                    "contender": f"{folder.name}: {name}",
                    "AUC": float(roc_auc_score(y, p)),
                    "accuracy": float(((p > 0.5) == y).mean()),
                    "log-loss": float(log_loss(y, p)),
                    "ECE": calibration_error(y, p),
                }
            )
    return {"what": "prediction of held-out answers", "rows": rows, "notes": notes}
