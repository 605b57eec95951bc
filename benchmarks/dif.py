"""DIF of N × 60 right/wrong answers in two groups: the engine against statsmodels, and R's difR where there is one.

Two tasks: Mantel-Haenszel with continuity correction, and the likelihood-ratio test of both kinds of DIF in logistic
regression. statsmodels is used item by item: a 2 × 2 table a score, and two fits to all pupils. The engine starts from
the answers, too, or from the Tallies of the two groups, in which scoring has counted them. The χ² are checked to be
equal.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import statsmodels.api as sm

from benchmarks.timing import best_times
from engine import dif, scoring
from engine.dif import Strata
from engine.exam import Item, Subject
from engine.tables import LABEL
from engine.tally import Tally

PUPILS, ITEMS = 100_000, 60
ROUNDS = 5
FITTED = 6  # items that statsmodels fits; its time is that of all items, in proportion

DIFR = """
at <- commandArgs(TRUE)
if (!requireNamespace("difR", quietly = TRUE)) quit(status = 3)
read <- function(path) readBin(path, "integer", file.size(path), size = 1)
answers <- as.data.frame(matrix(read(at[1]), ncol = as.integer(at[3])))
seconds <- system.time(result <- difR::difMH(answers, read(at[2]), focal.name = 1))["elapsed"]
cat(format(c(seconds, result$MH), digits = 15), sep = "\\n")
"""


def run(size: float = 1.0) -> dict:
    """Time the contenders on `size` × 100 000 pupils and 60 items."""
    X, focal = _answers(int(PUPILS * size))
    tallies = _tally(X[focal == 0]), _tally(X[focal == 1])
    ours, by_logistic = (table["chi2"].to_numpy() for table in (dif.mantel_haenszel(X, focal), dif.logistic(X, focal)))
    np.testing.assert_allclose(_stratified_tables(X, focal), ours, rtol=1e-8)
    np.testing.assert_allclose(_logit(X, focal), by_logistic[:FITTED], rtol=1e-6)
    times = best_times(
        {
            "Mantel-Haenszel: yuejuan": lambda: dif.mantel_haenszel(X, focal),
            "Mantel-Haenszel: yuejuan, from Tallies": lambda: dif.mantel_haenszel(Strata.of_tallies(*tallies)),
            "Mantel-Haenszel: statsmodels StratifiedTable": lambda: _stratified_tables(X, focal),
            "logistic: yuejuan": lambda: dif.logistic(X, focal),
            "logistic: yuejuan, from Tallies": lambda: dif.logistic(Strata.of_tallies(*tallies)),
            "logistic: statsmodels Logit": lambda: _logit(X, focal),
        },
        ROUNDS,
    )
    times["logistic: statsmodels Logit"] *= ITEMS / FITTED
    notes = [f"statsmodels Logit: {FITTED} items timed, × {ITEMS / FITTED:g}"]
    if (seconds := _difr(X, focal, ours)) is not None:
        times["Mantel-Haenszel: R difR::difMH, once"] = seconds
    else:
        notes.append("R's difR: not present")
    return {
        "what": f"DIF of {len(X):,} pupils × {ITEMS} items",
        "rows": [
            {
                "contender": name,
                "seconds": seconds,
                "× the engine": seconds / times[name.split(":")[0] + ": yuejuan"],
            }
            for name, seconds in times.items()
        ],
        "notes": notes,
    }


def _answers(pupils: int) -> tuple[np.ndarray, np.ndarray]:
    """0/1 answers (pupils, items) by the two-parameter model, and 1 for those of the focal group, else 0."""
    rng = np.random.default_rng(20261121)
    slope, difficulty = np.exp(rng.normal(0, 0.3, ITEMS)), rng.normal(size=ITEMS)
    ability = rng.normal(size=(pupils, 1))
    X = rng.random((pupils, ITEMS)) < 1 / (1 + np.exp(-slope * (ability - difficulty)))
    return X.astype(float), (rng.random(pupils) < 0.5).astype(int)


def _tally(X: np.ndarray) -> Tally:
    """As scoring counts it."""
    items = [Item(item=str(j + 1), type="single", max=Decimal(1), key="A", options="AB") for j in range(ITEMS)]
    columns = [pa.DictionaryArray.from_arrays(pa.array(x.astype(np.uint8)), pa.array(["B", "A"])) for x in X.T]
    responses = pa.table(
        {
            "student_id": pa.array([str(i) for i in range(len(X))]),
            "status": pa.array(["read"] * len(X)).cast(LABEL),
            **{item.item: column for item, column in zip(items, columns, strict=True)},
        }
    )
    return scoring.score(Subject(code="s", name="s", folder=Path(), items=tuple(items)), responses).tally


def _stratified_tables(X: np.ndarray, focal: np.ndarray) -> list[float]:
    """χ² of every item; a table of two rows and columns for every score that more than one pupil has."""
    total = X.sum(axis=1).astype(int)
    chi2 = []
    for answer in X.T.astype(int):
        cells = (2 * focal + 1 - answer) * (ITEMS + 1) + total
        tables = np.bincount(cells, minlength=4 * (ITEMS + 1)).reshape(2, 2, ITEMS + 1)
        fit = sm.stats.StratifiedTable(tables[:, :, tables.sum(axis=(0, 1)) > 1].astype(float))
        chi2.append(fit.test_null_odds(correction=True).statistic)
    return chi2


def _logit(X: np.ndarray, focal: np.ndarray) -> list[float]:
    """Likelihood ratios of the first items."""
    total = X.sum(axis=1)
    design = np.column_stack([np.ones(len(X)), total, focal, total * focal])
    return [
        2 * (sm.Logit(answer, design).fit(disp=0).llf - sm.Logit(answer, design[:, :2]).fit(disp=0).llf)
        for answer in X.T[:FITTED]
    ]


def _difr(X: np.ndarray, focal: np.ndarray, chi2: np.ndarray) -> float | None:
    """Seconds of difR::difMH, its χ² checked; None where there is no R or no difR."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        script, answers, group = (Path(folder, name) for name in ("difr.R", "answers", "group"))
        script.write_text(DIFR)
        answers.write_bytes(X.astype(np.int8).tobytes(order="F"))
        group.write_bytes(focal.astype(np.int8).tobytes())
        command = ["Rscript", str(script), str(answers), str(group), str(ITEMS)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 3:
        return None
    done.check_returncode()
    seconds, *theirs = map(float, done.stdout.split())
    np.testing.assert_allclose(theirs, chi2, rtol=1e-6)
    return seconds
