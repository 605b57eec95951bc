"""The report on a paper (试卷质量分析): difficulty, discrimination, reliability, items, options, blueprint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from urllib.parse import quote

from engine.ctt import item_quality
from engine.exam import Item, Subject
from engine.scoring import full_mark
from report import charts, monitoring
from report.blocks import distribution_of, rate_cell
from report.document import (
    Bar,
    Block,
    Cell,
    Chapter,
    Column,
    Document,
    Figure,
    Focus,
    Note,
    Row,
    Says,
    Section,
    Side,
    Table,
)
from report.render import number, percent, points
from report.source import Row as Values
from report.source import Source
from report.words import Words

# 难度等级: lowest rate of each band (domain: 易, 较易, 中等, 较难, 难).
BANDS = ((0.86, "easy"), (0.73, "fairly_easy"), (0.38, "medium"), (0.15, "fairly_hard"), (0.0, "hard"))
AIM = {"primary": (0.70, 0.85), "junior": (0.65, 0.75), "senior": (0.55, 0.65)}  # usual difficulty of a paper
RELIABLE = ((0.9, "high"), (0.8, "good"), (0.7, "fair"), (0.0, "low"))
OFF = 0.15  # expected and actual difficulty of an item so far apart are told
MOST = 12  # pictures of options shown


def paper_document(source: Source, subject: Subject, words: Words) -> Document:
    """The paper's report."""
    exam = source.reference.exam
    return Document(
        kind=words("report.paper"),
        heading=f"{subject.name} · {words('report.paper')}",
        facts=[exam.title, str(exam.date), words("fact.items", count=len(subject.items)),
               words("fact.full", full=points(float(full_mark(subject))))],
        chapters=[
            Chapter(words("paper.whole"), _whole(source, subject, words), "whole"),
            Chapter(words("items"), _items(source, subject, words), "items"),
            Chapter(words("paper.blueprint"), _blueprint(source, subject, words), "blueprint"),
            *_segments(source, subject, words),
        ],
        root="../",
        crumbs=[(words("overview"), "../index.html"), (subject.name, f"../index.html#{quote(subject.code)}")],
        file=subject.code,
    )  # fmt: skip


def _segments(source: Source, subject: Subject, words: Words) -> list[Chapter]:
    """一分一段表, where scores may be told."""
    rows = source.rows("segments", subject.code, "exam")
    title = words("segments.table")
    return [Chapter(title, [Section("", [monitoring.segment_table(rows, words)])], "segments")] if rows else []


def _rows(source: Source, subject: Subject) -> list[Values]:
    """The rows of `items` in the order of the paper."""
    found = source.reference.items[subject.code]
    return [found[item.item] for item in subject.items if item.item in found]


def _whole(source: Source, subject: Subject, words: Words) -> list[Section]:
    ref, code, full = source.reference, subject.code, float(full_mark(subject))
    paper, items = ref.reliability.get(code), _rows(source, subject)
    more = {r["coefficient"]: r["value"] for r in source.table("coefficients") if r["subject"] == code}
    pictures = distribution_of(ref, subject, ref.totals[code], words("all"), words, against=False)
    pictures += monitoring.curve({words("all"): source.rows("segments", code, "exam")}, full, words)
    return [
        Section(words("summary"), [Says(_says(ref.exam.stage, paper, items, words))] if paper else []),
        Section(words("figures"), [_figures(paper, more, words)] if paper else []),
        Section(words("distribution"), [Side(pictures)] if pictures else []),
    ]


def _says(stage: str, paper: Values, items: Sequence[Values], words: Words) -> list[str]:
    """What the figures amount to, against the usual ranges."""
    said = []
    if paper["difficulty"] is not None:
        low, high = AIM[stage]
        side = "easier" if paper["difficulty"] > high else "harder" if paper["difficulty"] < low else "fits"
        said.append(words(f"paper.says.{side}", rate=number(paper["difficulty"], 2), low=low, high=high))
    if paper["alpha"] is not None:
        word = next(name for least, name in RELIABLE if paper["alpha"] >= least or least == 0)
        said.append(words(f"paper.says.alpha.{word}", alpha=number(paper["alpha"], 2), sem=number(paper["sem"])))
    quality = [item_quality(row["d27"]) for row in items]
    known = [one for one in quality if one]
    if known:
        good = sum(one in ("very_good", "good") for one in known)
        poor = [row["item"] for row, one in zip(items, quality, strict=True) if one == "poor"]
        said.append(words("paper.says.items", good=good, all=len(known)))
        if poor:
            said.append(words("paper.says.poor", count=len(poor), items=words.join(poor[:20])))
    off = [row for row in items if None not in (row["expected"], row["difficulty"])]
    off = [row for row in off if abs(row["difficulty"] - row["expected"]) >= OFF]
    if off:
        said.append(words("paper.says.off", count=len(off), items=words.join([row["item"] for row in off][:20])))
    return said


def _figures(paper: Values, more: dict[str, float], words: Words) -> Table:
    columns = [
        Column(words("paper.index"), "keep"),
        Column(words("paper.value"), "two"),
        Column(words("paper.reading")),
    ]
    rows = [
        Row([words(key), Cell(paper[key], number(paper[key], digits)), words(f"paper.reading.{key}")])
        for key, digits in (("mean", 1), ("sd", 1), ("difficulty", 2), ("d27", 2), ("alpha", 2), ("sem", 1))
        if paper[key] is not None
    ]
    for key in ("omega_total", "lambda2", "odd_even"):
        if more.get(key) is not None:
            rows.append(Row([words(f"paper.{key}"), more[key], words(f"paper.reading.{key}")]))
    return Table(columns, rows, "reliability, coefficients", annex=words("figures"))


def _items(source: Source, subject: Subject, words: Words) -> list[Section]:
    ref, rows = source.reference, _rows(source, subject)
    drawn = [row for row in rows if row["d27"] is not None and row["difficulty"] is not None]
    figures: list[Block] = []
    if drawn:
        figures.append(
            Figure(charts.item_map(drawn, words), "items.difficulty, d27", words("item.map"), words("item.map.note"))
        )
    alerts = [row for row in rows if row["alert"]]
    found = ref.options[subject.code]
    return [
        Section("", [Side([*figures, _bands(rows, words)])] if rows else []),
        Section(words("suspicious"), [*(_alert(row, words) for row in alerts)] or [Note(words("suspicious.none"))],
                words("suspicious.note") if alerts else ""),
        Section(words("items"), [_item_table(rows, found, words)] if rows else [], words("items.note")),
        Section(words("options"), [_options(rows, found, words)] if found else [], words("options.note")),
        _fairness(source, subject, words),
    ]  # fmt: skip


def _bands(rows: Sequence[Values], words: Words) -> Table:
    """How many items and points lie in each band of difficulty and of discrimination."""
    columns = [
        Column(words("paper.band"), "keep"),
        Column(words("items.n"), "count"),
        Column(words("paper.points"), "points"),
    ]
    body = []
    rest = [row for row in rows if row["difficulty"] is not None]
    for least, name in BANDS:
        here = [row for row in rest if row["difficulty"] >= least]
        rest = [row for row in rest if row["difficulty"] < least]
        body.append(Row([words(f"band.{name}"), len(here), sum(row["max"] for row in here)]))
    for name in ("very_good", "good", "fair", "poor"):
        here = [row for row in rows if item_quality(row["d27"]) == name]
        body.append(
            Row([words("band.quality", quality=words(f"quality.{name}")), len(here), sum(r["max"] for r in here)])
        )
    return Table(columns, body, "items.difficulty, d27", words("paper.bands"))


def _alert(row: Values, words: Words) -> Focus:
    rates = " · ".join(
        f"{words(key)} {told}"
        for key, told in (
            ("key", row["key"] or "–"),
            ("rate", percent(row["difficulty"], row["n"])),
            ("d27", number(row["d27"], 2)),
            ("r_rest", number(row["r_rest"], 2)),
        )
    )
    chips = [(words.code("alert", alert), "below") for alert in row["alert"].split("; ")]
    return Focus(words("item.name", item=row["item"]), row["knowledge"], chips, rates)


def _item_table(rows: Sequence[Values], options: dict[str, list[Values]], words: Words) -> Table:
    keys = (("item", "keep"), ("type", "keep"), ("full", "points"), ("key", "keep"), ("knowledge", "text"),
            ("n", "count"),
            ("blank.rate", "rate"), ("rate", "rate"), ("expected", "rate"), ("r_rest", "two"), ("d27", "two"),
            ("quality", "chip"))  # fmt: skip
    columns = [Column(words(key), kind) for key, kind in keys]  # type: ignore[arg-type]
    columns.insert(8, Column(words("chart.bar"), "bar"))
    body = []
    for row in rows:
        quality, n = item_quality(row["d27"]), row["n"]
        chip = Cell(quality, words(f"quality.{quality}"), quality) if quality else None
        blank = rate_cell(row["blank"] / n if n else None, n)
        bar = Bar(row["difficulty"], reference=row["expected"])
        cells = [row["item"], words.code("type", row["type"]), row["max"], row["key"], row["knowledge"], n, blank,
                 rate_cell(row["difficulty"], n), bar, row["expected"], row["r_rest"], row["d27"], chip]  # fmt: skip
        body.append(Row(cells))
    return Table(columns, body, "items", annex=words("items"))


def _options(rows: Sequence[Values], options: dict[str, list[Values]], words: Words) -> Table:
    """Every answer of every item: shares among the bottom, middle and top group."""
    kinds = (("count", "count"), ("share", "rate"), ("share.low", "rate"), ("share.mid", "rate"),
             ("share.high", "rate"),
             ("r_rest", "two"), ("mean_total", "mean"))  # fmt: skip
    columns = [Column(words("item"), "keep"), Column(words("option"), "keep")]
    columns += [Column(words(key), kind) for key, kind in kinds]  # type: ignore[arg-type]
    body = []
    for item in rows:
        n = item["n"]
        for one in sorted(options.get(item["item"], []), key=lambda one: -one["count"])[:8]:
            label = (one["answer"] or words("answer.blank")) + (" ✓" if one["is_key"] else "")
            odd = not one["is_key"] and one["answer"] and (one["r_rest"] or 0) > 0.05
            shares = [rate_cell(one[key], n) for key in ("rate", "rate_low", "rate_mid", "rate_high")]
            r = Cell(one["r_rest"], look="hot" if odd else "")
            cells = [item["item"], label, one["count"], *shares, r, one["mean_total"]]
            body.append(Row(cells, "total" if one["is_key"] else ""))
    return Table(columns, body, "options", annex=words("options"))


def _fairness(source: Source, subject: Subject, words: Words) -> Section:
    """Items that favour a group at equal totals (DIF), those of class B and C."""
    rows = [row for row in source.table("dif") if row["subject"] == subject.code]
    if not rows:
        return Section(words("dif"), [])
    flagged = [row for row in rows if row["ets"] in ("B", "C")]
    said = words("dif.some", count=len(flagged)) if flagged else words("dif.none", count=len(rows))
    kinds = (("difference", "gap_rate"), ("delta", "two"), ("p", "three"), ("ets", "keep"), ("favours", "keep"))
    columns = [Column(words("item"), "keep"), Column(words("dif.groups"), "keep")]
    columns += [Column(words(f"dif.{key}"), kind) for key, kind in kinds]  # type: ignore[arg-type]
    body = [Row([row["item"], words("gaps.pair", group=row["focal"], reference=row["reference"]),
                 *(row[key] for key, _ in kinds)]) for row in flagged]  # fmt: skip
    table = [Table(columns, body, "dif", annex=words("dif"))] if body else []
    return Section(words("dif"), [Says([said]), *table], words("dif.note"))


def _blueprint(source: Source, subject: Subject, words: Words) -> list[Section]:
    """双向细目表 as it came out: points and rates by section, ability and knowledge point."""
    found = source.reference.items[subject.code]
    parts: tuple[tuple[str, Callable[[Item], list[tuple[str, float]]]], ...] = (
        ("section", lambda item: [(item.section, 1.0)] if item.section else []),
        ("ability", lambda item: [(item.ability, 1.0)] if item.ability else []),
        ("knowledge", lambda item: list(item.knowledge)),
        ("type", lambda item: [(words.code("type", item.type), 1.0)]),
    )
    return [
        Section(
            words("paper.by", what=words(name)), [table] if (table := _shares(subject, found, name, of, words)) else []
        )
        for name, of in parts
    ]


def _shares(subject: Subject, found: dict[str, Values], name: str, of: Callable[[Item], list[tuple[str, float]]],
            words: Words) -> Table | None:  # fmt: skip
    """Points at stake and gained, by what `of` says an item belongs to and with which weight."""
    stake: dict[str, float] = defaultdict(float)
    gained: dict[str, float] = defaultdict(float)
    wanted: dict[str, float] = defaultdict(float)
    items: dict[str, list[str]] = defaultdict(list)
    for item in subject.items:
        row = found.get(item.item)
        for what, weight in of(item) if row and row["difficulty"] is not None else []:
            stake[what] += weight * float(item.max)
            gained[what] += weight * float(item.max) * row["difficulty"]  # type: ignore[index]
            wanted[what] += weight * float(item.max) * (float("nan") if item.expected is None else item.expected)
            items[what].append(item.item)
    if (len(stake) < 2 and name != "knowledge") or not stake:
        return None
    columns = [Column(words(name)), Column(words("items.n"), "count"), Column(words("paper.points"), "points")]
    columns += [Column(words("paper.share"), "rate"), Column(words("rate"), "rate"), Column(words("chart.bar"), "bar")]
    columns += [Column(words("expected"), "rate"), Column(words("paper.which"))]
    whole = sum(stake.values())
    body = []
    for what, max_ in stake.items():
        expected = wanted[what] / max_ if wanted[what] == wanted[what] else None
        rate = gained[what] / max_
        which = words.join(items[what][:14]) + ("…" if len(items[what]) > 14 else "")
        body.append(
            Row(
                [
                    what,
                    len(items[what]),
                    round(max_, 2),
                    max_ / whole,
                    rate,
                    Bar(rate, reference=expected),
                    expected,
                    which,
                ]
            )
        )
    return Table(columns, body, "items.difficulty", annex=words("paper.by", what=words(name)))
