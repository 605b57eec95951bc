"""What the tables of results have in common."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine.dif.strata import FOCAL, REFERENCE, Strata


def column(values: np.ndarray) -> pa.Array:
    """Numbers as Arrow: null for NaN."""
    return pa.array(values, from_pandas=True)


def classes(magnitude: np.ndarray, medium: float, large: float) -> pa.Array:
    """ "A" below `medium`, "B" below `large`, else "C"; null for NaN."""
    return letters(np.searchsorted([medium, large], magnitude, side="right"), np.isnan(magnitude))


def letters(place: np.ndarray, unknown: np.ndarray) -> pa.Array:
    """ "A" for 0, "B" for 1, "C" for 2; null where unknown."""
    return pa.array(np.array(["A", "B", "C"])[np.minimum(place, 2)].tolist(), pa.string(), mask=unknown)


def head(strata: Strata, n: np.ndarray) -> dict[str, object]:
    """The columns that every result begins with; n: (items, 2), pupils to whom an item was presented."""
    return {
        "item": pa.array(list(strata.items), pa.string()),
        "n_reference": n[:, REFERENCE].astype(np.int64),
        "n_focal": n[:, FOCAL].astype(np.int64),
    }


def tail(strata: Strata, flagged: np.ndarray) -> dict[str, object]:
    """The columns that end the result of a method that matches pupils."""
    return {"flagged": flagged, "anchor": [name in strata.anchor for name in strata.items]}
