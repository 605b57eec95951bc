"""Equating of equivalent groups against the R packages equate and kequate, by properties, and where little is given."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from engine.linking import Frequencies, equate
from engine.linking.loglinear import smooth


def close(values: np.ndarray, expected: np.ndarray, tolerance: float = 1e-6) -> bool:
    return bool(np.abs(np.asarray(values) - np.asarray(expected)).max() <= tolerance)


@pytest.fixture(scope="module")
def actmath(shared_data: Path) -> Path:
    return shared_data / "psychometrics" / "actmath"


@pytest.fixture(scope="module")
def forms(actmath: Path) -> tuple[pa.Table, pa.Table]:
    data = pyarrow.csv.read_csv(actmath / "data.csv")
    return tuple(pa.table({"score": data["scale"], "count": data[column]}) for column in ("xcount", "ycount"))


def reference(folder: Path, name: str) -> dict[str, np.ndarray]:
    table = pyarrow.csv.read_csv(folder / "reference" / f"{name}.csv")
    return {column: table[column].to_numpy() for column in table.column_names}


@pytest.mark.parametrize(
    ("column", "method", "degree"),
    [
        ("identity", "identity", None),
        ("mean", "mean", None),
        ("linear", "linear", None),
        ("equip", "equipercentile", None),
        ("equip_loglin6", "equipercentile", 6),
        ("circle", "circle-arc", None),
    ],
)
def test_as_in_equate(actmath: Path, forms, column: str, method: str, degree: int | None) -> None:
    expected = reference(actmath, "equate_eg")
    result = equate(*forms, method, degree=degree)
    assert close(result.table["x"], expected["score"])
    assert close(result.table["y"], expected[column])


def test_moments_as_in_equate(actmath: Path, forms) -> None:
    expected = reference(actmath, "moments")
    rows = equate(*forms, "linear").moments.to_pylist()
    for i, row in enumerate(rows[:2]):
        for ours, theirs in [("n", "n"), ("mean", "mean"), ("sd", "sd"), ("skewness", "skew"), ("kurtosis", "kurt")]:
            assert close(row[ours], expected[theirs][i]), (row, theirs)
    # equated by a line, X has the mean and sd of Y, and its own shape
    assert close([rows[2][name] for name in ("mean", "sd")], [rows[1][name] for name in ("mean", "sd")], 1e-9)
    assert close([rows[2][name] for name in ("skewness", "kurtosis")], [rows[0][n] for n in ("skewness", "kurtosis")])


def test_presmoothing_as_in_equate(actmath: Path, forms) -> None:
    expected = reference(actmath, "presmoothed")
    for form, column in zip(forms, "xy", strict=True):
        assert close(smooth(Frequencies.of(form), 6).counts, expected[column])


def test_kernel_as_in_kequate(actmath: Path, forms) -> None:
    expected = reference(actmath, "equate_kernel")
    result = equate(*forms, "kernel", degree=6)
    assert close(result.bandwidths, (expected["hx"][0], expected["hy"][0]))
    assert close(result.table["y"], expected["kernel"])
    assert close(result.se, expected["see"])
    wide = tuple(1000 * Frequencies.of(form).sd for form in forms)
    assert close(equate(*forms, "kernel", degree=6, bandwidth=wide).table["y"], expected["kernel_linear"])
