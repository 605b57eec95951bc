"""Sections on the tables of quality monitoring: spread, score lines, grades, growth, balance, gaps between groups.

Each returns no blocks where its table has not been made, so that a report has only what there are numbers for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.exam import TOTAL, Exam
from report import charts
from report.document import Block, Cell, Column, Figure, Row, Says, Section, Side, Table
from report.render import number, percent, points, signed
from report.source import Row as Values
from report.words import Words

# The verdicts of tables on the four that reports tell.
_SIDES = {"above": "above", "below": "below", "not distinguishable": "same", "too few": "unknown"}
_BALANCE = {"within": "above", "beyond": "below", "not distinguishable": "same"}
MEASURES = ("cv_weighted", "icc", "range_ratio", "gini", "theil_between")
ROUGH = "icc"  # the measure that is drawn: 校际差异率


def boxes(rows: Mapping[str, Sequence[Values]], full: float, words: Words) -> list[Block]:
    """Box plots of the scores of units, from the rows of `spread` by name."""
    drawn = [(name, found[0]) for name, found in rows.items() if found and found[0]["median"] is not None]
    if len(drawn) < 2:
        return []
    five = [[row[key] for key in ("minimum", "q1", "median", "q3", "maximum")] for _, row in drawn]
    # Lowest and highest score are single pupils': in the compulsory stages they are not told.
    five = [[q1 if low is None else low, q1, mid, q3, q3 if high is None else high] for low, q1, mid, q3, high in five]
    svg = charts.boxes([name for name, _ in drawn], five, [row["mean"] for _, row in drawn], full=full, words=words)
    return [Figure(svg, "spread.minimum, q1, median, q3, maximum, mean", words("boxes"), words("boxes.note"))]


def curve(groups: Mapping[str, Sequence[Values]], full: float, words: Words) -> list[Block]:
    """一分一段 as curves, from the rows of `segments` by group."""
    drawn = {
        name: sorted((row["score"], row["share"]) for row in rows if row["share"] is not None)
        for name, rows in groups.items()
    }
    drawn = {name: points for name, points in drawn.items() if len(points) > 1}
    if not drawn:
        return []
    return [Figure(charts.segments(drawn, full, words), "segments.share", words("segments"))]


def segment_table(rows: Sequence[Values], words: Words) -> Table:
    """一分一段表, for the annex and the paper's own page."""
    columns = [Column(words("chart.score"), "keep"), Column(words("count"), "count")]
    columns += [Column(words("cumulative"), "count"), Column(words("share"), "rate")]
    body = []
    for row in rows:
        score = f"{row['score']:g}"
        told = words("segments.pooled", score=score) if row["pooled"] else score
        body.append(Row([told, row["count"], row["cumulative"], Cell(row["share"], percent(row["share"], 200))]))
    return Table(columns, body, "segments", annex=words("segments"))


def lines(units: Sequence[tuple[str, str, Sequence[Values]]], first: str, words: Words) -> Section:
    """Score lines by unit (name, code of the subject, rows of `lines`): 上线, 双上线, 命中率, 贡献率."""
    keys = (("score", "points"), ("of", "count"), ("above", "count"), ("rate", "rate"), ("both", "count"),
            ("hit_rate", "rate"), ("contribution", "rate"))  # fmt: skip
    columns = [Column(first, "keep"), Column(words("cut"), "keep")]
    columns += [Column(words(f"cut.{key}"), kind) for key, kind in keys]  # type: ignore[arg-type]
    body = []
    for name, _, rows in units:
        for row in rows:  # the line of a subject follows from that of the total, by division
            score = Cell(row["score"], points(row["score"] if row["score"] is None else round(row["score"], 1)))
            body.append(Row([name, row["line"], score, *(row[key] for key, _ in keys[1:])]))
    blocks = [Table(columns, body, "lines", annex=words("cuts"))] if body else []
    return Section(words("cuts"), blocks, words("cuts.note"))


def grade_shares(units: Sequence[tuple[str, Sequence[Values]]], first: str, words: Words) -> Section:
    """Shares of the grades (等第) by unit, from the rows of `grades`."""
    units = [(name, [row for row in rows if row["scheme"] == "level"]) for name, rows in units]
    names = list(dict.fromkeys(row["grade"] for _, rows in units for row in rows))
    columns = [Column(first, "keep"), *(Column(words.code("grade", name), "rate") for name in names)]
    body = []
    for unit, rows in units:
        shares = {row["grade"]: row["share"] for row in rows}
        if shares:
            body.append(Row([unit, *(shares.get(name, 0.0) for name in names)]))
    return Section(words("grades"), [Table(columns, body, "grades.share", annex=words("grades"))] if body else [])


def growth(units: Sequence[tuple[str, Sequence[Values]]], mean: float | None, sd: float | None, first: str,
           words: Words) -> Section:  # fmt: skip
    """Value added by unit, from the rows of `growth`, with caterpillar plot and arrows; never a bare ranking.

    Args:
        mean, sd: of the exam in points, so that what was expected of a unit can be told in points.
    """
    rows = [(name, row) for name, found in units for row in found]
    if not rows:
        return Section(words("growth"), [])
    keys = (("n", "count"), ("matched", "count"), ("coverage", "rate"), ("gain", "gap"), ("sgp", "mean"),
            ("effect", "gap"))  # fmt: skip
    columns = [Column(first, "keep"), *(Column(words(f"growth.{key}"), kind) for key, kind in keys)]  # type: ignore[arg-type]
    columns += [Column(words("interval"), "keep"), Column(words("verdict"), "chip")]
    body = []
    for name, row in rows:
        side = _SIDES.get(row["verdict"], "unknown")
        chip = Cell(row["verdict"], words(f"growth.{side}"), side)
        span = words("span", low=signed(row["lower"]), high=signed(row["upper"]))
        body.append(Row([name, *(row[key] for key, _ in keys), span, chip]))
    drawn = [(name, row) for name, row in rows if None not in (row["effect"], row["lower"], row["upper"])]
    blocks: list[Block] = [Says(_growth_says(rows, words))]
    if len(drawn) > 1:
        names = [name for name, _ in drawn]
        effects, lows, highs = ([row[key] for _, row in drawn] for key in ("effect", "lower", "upper"))
        sides = [_SIDES.get(row["verdict"], "unknown") for _, row in drawn]
        svg = charts.caterpillar(names, effects, lows, highs, sides, words)
        blocks.append(Figure(svg, "growth.effect, lower, upper", words("caterpillar"), words("caterpillar.note")))
        if mean is not None and sd and all(row["prior"] is not None for _, row in drawn):
            before = [mean + sd * row["prior"] for _, row in drawn]
            after = [start + effect for start, effect in zip(before, effects, strict=True)]
            svg = charts.growth_arrows(names, before, after, lows, highs, sides, words)
            blocks.append(Figure(svg, "growth.prior, effect", words("growth.arrows"), words("growth.arrows.note")))
    blocks.append(Table(columns, body, "growth", annex=words("growth")))
    return Section(words("growth"), blocks, words("growth.note", model=rows[0][1]["model"]))


def _growth_says(rows: Sequence[tuple[str, Values]], words: Words) -> list[str]:
    told = {side: [name for name, row in rows if _SIDES.get(row["verdict"]) == side] for side in set(_SIDES.values())}
    said = [
        words(f"growth.says.{side}", count=len(told[side]), units=words.join(told[side][:12]))
        for side in ("above", "below")
        if told[side]
    ]
    said += [words(f"growth.says.{side}", count=len(told[side])) for side in ("same", "unknown") if told[side]]
    return said


def balance(units: Sequence[tuple[str, Sequence[Values]]], first: str, words: Words) -> Section:
    """Balance between schools by county or subject, from the rows of `balance`."""
    found = [(name, {row["measure"]: row for row in rows}) for name, rows in units if rows]
    measures = [name for name in MEASURES if any(name in rows for _, rows in found)]
    if not found or not measures:
        return Section(words("balance"), [])
    columns = [Column(first, "keep"), Column(words("schools"), "count"), Column(words("pupils"), "count")]
    columns += [Column(words(f"balance.{name}"), "three") for name in measures]
    columns += [Column(words("balance.verdict"), "chip")]
    body = []
    for name, rows in found:
        some = next(iter(rows.values()))
        judged = next((rows[one] for one in (ROUGH, *measures) if one in rows and rows[one]["verdict"]), None)
        chip = None
        if judged is not None:
            side = _BALANCE[judged["verdict"]]
            chip = Cell(
                judged["verdict"], words(f"balance.{side}", measure=words(f"balance.{judged['measure']}")), side
            )
        values = [rows[one]["value"] if one in rows else None for one in measures]
        body.append(Row([name, some["n_schools"], some["n_pupils"], *values, chip]))
    drawings: list[Block] = []
    for measure in [one for one in (ROUGH, "cv_weighted") if one in measures]:
        drawn = [(n, r[measure]) for n, r in found if measure in r and r[measure]["value"] is not None]
        if len(drawn) > 1:
            values, lows, highs = ([row[key] for _, row in drawn] for key in ("value", "lower", "upper"))
            label, threshold = words(f"balance.{measure}"), drawn[0][1]["threshold"]
            svg = charts.balance([name for name, _ in drawn], values, lows, highs, threshold, label, words)
            drawings.append(Figure(svg, f"balance.value ({measure})", label))
    table = Table(columns, body, "balance", annex=words("balance"))
    return Section(words("balance"), [*([Side(drawings)] if drawings else []), table], words("balance.note"))


def gaps(rows: Sequence[Values], names: Mapping[str, str], words: Words) -> Section:
    """Differences between groups of pupils, from `gaps`: told only where the interval leaves out nought."""
    rows = [row for row in rows if row["measure"] in ("mean", "gain") and row["difference"] is not None]
    if not rows:
        return Section(words("gaps"), [])
    columns = [Column(words("subject"), "keep"), Column(words("gaps.groups"), "keep")]
    columns += [Column(words("gaps.difference"), "gap"), Column(words("interval"), "keep")]
    columns += [Column(words("gaps.effect"), "two"), Column(words("gaps.n"), "keep"), Column(words("verdict"), "chip")]
    body, said = [], []
    for row in rows:
        low, high = row["lower"], row["upper"]
        side = "unknown" if low is None else "same" if low <= 0 <= high else "above" if low > 0 else "below"
        pair = words("gaps.pair", group=row["group"], reference=row["reference"])
        span = words("span", low=signed(low), high=signed(high))
        chip = Cell(side, words(f"verdict.{side}"), side)
        counts = f"{row['n']} / {row['n_reference']}"
        name = names.get(row["subject"], row["subject"])
        body.append(Row([name, pair, row["difference"], span, row["effect"], counts, chip]))
        if side in ("above", "below"):
            said.append(words(f"gaps.says.{side}", subject=name, group=row["group"], reference=row["reference"],
                              gap=number(abs(row["difference"])), low=signed(low), high=signed(high)))  # fmt: skip
    blocks: list[Block] = [Says(said or [words("gaps.says.none")]), Table(columns, body, "gaps", annex=words("gaps"))]
    return Section(words("gaps"), blocks, words("gaps.note"))


def names_with_total(exam: Exam, words: Words) -> dict[str, str]:
    """The names of the subjects by code, the composite last."""
    return {subject.code: subject.name for subject in exam.subjects} | {TOTAL: words("total")}
