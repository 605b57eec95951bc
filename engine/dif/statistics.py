"""The DIF table of an exam: every item, every group against the reference group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from engine import tables
from engine.dif.contingency import mantel_haenszel
from engine.dif.logistic_regression import ordinal_logistic
from engine.dif.polytomous import mantel
from engine.dif.strata import Strata

if TYPE_CHECKING:
    from engine.exam import Subject
    from engine.tally import Tally

FEWEST = 100  # pupils of a group; with fewer, chance decides


def dif_statistics(
    tally_by_group: Mapping[str, Tally], subject: Subject, *, by: str = "group", reference: str | None = None
) -> pa.Table:
    """A row an item and focal group, schema "dif"; matched on the subject's total score.

    Items that earn all or nothing are tested by Mantel-Haenszel with continuity correction, other items by Mantel's
    test; `ets` and `favours` go by the rules of ETS (see `engine.dif.mantel_haenszel` and `mantel`). What the answers
    do not determine is null, and so is an odds ratio of 0 or ∞.

    Args:
        tally_by_group: the Tally of each group, by its label. Groups of fewer than 100 pupils have no rows.
        by: what the groups are, such as the roster's column "sex".
        reference: label of the reference group; by default the largest group, the first by name of equal ones.

    Raises:
        ValueError: there is no group `reference`, or the Tallies are not of the same paper.
    """
    if reference is not None and reference not in tally_by_group:
        raise ValueError(f"no group {reference!r}; there are {sorted(tally_by_group)}")
    large = {label: tally_by_group[label] for label in sorted(tally_by_group) if tally_by_group[label].n >= FEWEST}
    chosen = reference or max(large, key=lambda label: large[label].n, default="")
    parts = [tables.empty("dif")]
    for label, tally in large.items():
        if label != chosen and chosen in large:
            parts.append(_against(subject, by, chosen, label, Strata.of_tallies(large[chosen], tally)))
    return pa.concat_tables(parts)


def _against(subject: Subject, by: str, reference: str, focal: str, strata: Strata) -> pa.Table:
    """The rows of one focal group."""
    full = {item.item: item.max for item in subject.items}
    steps = {name: {0.0, float(points / subject.step)} for name, points in full.items()}
    plain = strata.only([name for name, part in strata.items.items() if {*part.values.tolist()} <= steps[name]])
    rows = {row["item"]: row | {"method": "mantel"} for row in mantel(strata).to_pylist()}
    for row in mantel_haenszel(plain).to_pylist():
        rows[row["item"]] |= row | {"method": "mantel_haenszel"}
    for row in ordinal_logistic(strata, kind="nonuniform").to_pylist():
        rows[row["item"]]["p_nonuniform"] = row["p"]
    for name, row in rows.items():
        row |= {"subject": subject.code, "by": by, "reference": reference, "focal": focal, "favours": ""}
        if row["smd"] is not None:
            row["difference"] = row["smd"] / float(full[name])
        if row["ets"] in ("B", "C"):
            row["favours"] = focal if (row.get("delta") or row["smd"]) > 0 else reference
        if math.isinf(row.get("delta") or 0):
            row["alpha"] = row["delta"] = None
    schema = tables.SCHEMAS["dif"]
    return pa.Table.from_pylist([{key: row.get(key) for key in schema.names} for row in rows.values()], schema=schema)
