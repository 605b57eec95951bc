"""The schema of every table that passes between two stages, and how tables are kept on disk.

Tables of all subjects of an exam share one file and carry a `subject` column; `responses` and `scores` are wide
(a column an item) and are kept a file a subject, as `responses.<subject>.arrow`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
from pyarrow import parquet

from engine.errors import InputError

# Names of the fields of a sheet that are not answers to an item.
CANDIDATE = "candidate"  # the number filled in by the pupil
ABSENT = "absent"  # 缺考, filled by the invigilator: value "1"
VIOLATION = "violation"  # 违纪, filled by the invigilator: value "1"
FORM = "form"  # A/B form mark: value "A", "B", …
CHOOSE = "choose:"  # + group: items of a choose-k-of-n group the pupil chose (选做题题号填涂), joined by "+"
SCORE = "score:"  # + item: points a marker filled in on the paper (先阅后扫)

ANSWER = pa.dictionary(pa.uint8(), pa.string())  # null: not presented; "": left blank
LABEL = pa.dictionary(pa.int32(), pa.string())

# How a pupil stands in a subject. 'read' pupils are those with a sheet; 'violation' keeps its score, out of statistics;
# 'incomplete': a sheet is there, but something that the total needs is not known yet: no total, out of statistics.
STATUS = ("read", "absent", "missing", "violation", "incomplete")

CSV_BATCH = 10_000  # rows that are Python objects at one time
PARQUET_BATCH = 1 << 18  # rows read of a Parquet file at a time
LONG_BATCH = 1 << 16  # rows of a record batch of a table that is written piece by piece

SCHEMAS: dict[str, pa.Schema] = {
    # A row a page image, in the order of the files; every image is here, read or not.
    "pages": pa.schema(
        [
            ("subject", pa.string()),
            ("file", pa.string()),  # relative to the scanned folder, "/" between folders
            ("page", pa.int32()),  # page within the file, from 1
            ("sheet_page", pa.int32()),  # which page of the layout it turned out to be, from 1; null: not read
            ("status", pa.string()),  # "read" or "exception"
            ("reason", pa.string()),  # why not read: a name from omr.reason.Reason; "" when read
            ("detail", pa.string()),
            ("barcode", pa.string()),  # text of the code in the identity area, "" if none was found
            ("rotation", pa.int32()),  # quarter turns undone, in degrees: 0, 90, 180, 270
            ("residual", pa.float32()),  # RMS of registration, in layout units (mm for our sheets)
            ("student_id", pa.string()),  # whose page it is; null: nobody's, or not matched yet
        ]
    ),
    # A row a field of a page that was read.
    "marks": pa.schema(
        [
            ("subject", pa.string()),
            ("file", pa.string()),
            ("page", pa.int32()),
            ("field", pa.string()),
            ("value", pa.string()),
            ("confidence", pa.float32()),  # 0…1
            ("flag", pa.string()),  # "" or why a person should look: faint, erased, partial, smudge, …
        ]
    ),
    # Whatever needs a person. kind "page": the page was not read; "field": a doubtful mark; "pupil": matching;
    # "batch": the order of the pages.
    "exceptions": pa.schema(
        [
            ("subject", pa.string()),
            ("kind", pa.string()),
            ("file", pa.string()),  # null for a pupil without a sheet
            ("page", pa.int32()),
            ("field", pa.string()),  # in doubt; of kind "pupil", the one to correct, if there is one
            ("student_id", pa.string()),  # null when not known
            ("reason", pa.string()),
            ("detail", pa.string()),  # for a person: what was seen, what to do
            ("suggestion", pa.string()),  # value for corrections.csv that would fit; never applied by itself
            ("crop", pa.string()),  # a picture of it, relative to the folder of exceptions.csv; null: none
        ]
    ),
    # 扫描核对: what came back of each room; registered = read + absent + missing. Only where rooms are known.
    "rooms": pa.schema(
        [
            ("subject", pa.string()),
            ("room", pa.string()),  # "" for pupils without a seat
            ("registered", pa.int64()),
            ("read", pa.int64()),
            ("absent", pa.int64()),
            ("missing", pa.int64()),
            ("elsewhere", pa.int64()),  # pupils of this room with a page among another room's
            ("gaps", pa.string()),  # who is missing: seat, candidate number and name of each, joined by "; "
        ]
    ),
    # The balance sheet: account "pages" or "pupils", line "in", "read", "exception", "absent", "missing", …
    "accounts": pa.schema(
        [("subject", pa.string()), ("account", pa.string()), ("line", pa.string()), ("count", pa.int64())]
    ),
    # Classical item analysis; "points" are in real points, rates in 0…1. Null where undefined.
    "items": pa.schema(
        [
            ("subject", pa.string()),
            ("item", pa.string()),
            ("type", pa.string()),
            ("max", pa.float64()),
            ("key", pa.string()),
            ("knowledge", pa.string()),
            ("n", pa.int64()),  # pupils to whom it was presented
            ("blank", pa.int64()),  # left blank; of a constructed response: without points yet
            ("mean", pa.float64()),
            ("sd", pa.float64()),  # population kind
            ("difficulty", pa.float64()),  # 难度/得分率 = mean / max
            ("r_total", pa.float64()),  # Pearson with the total, item included
            ("r_rest", pa.float64()),  # Pearson with the total less the item
            ("biserial", pa.float64()),  # with the total less the item; of several categories polyserial
            ("d27", pa.float64()),  # 区分度: difference of rates, top and bottom 27 %
            ("alpha_if_deleted", pa.float64()),
            ("expected", pa.float64()),  # difficulty expected in the blueprint
            ("alert", pa.string()),  # "" or e.g. "negative discrimination", "key suspect"
        ]
    ),
    # A row an answer of an item (choice and numeric items); answer "" is blank.
    "options": pa.schema(
        [
            ("subject", pa.string()),
            ("item", pa.string()),
            ("answer", pa.string()),
            ("points", pa.float64()),
            ("is_key", pa.bool_()),
            ("count", pa.int64()),
            ("rate", pa.float64()),
            ("rate_low", pa.float64()),  # among the bottom 27 %
            ("rate_mid", pa.float64()),
            ("rate_high", pa.float64()),
            ("r_rest", pa.float64()),  # the option's 1/0 indicator against the total less that item
            ("mean_total", pa.float64()),  # mean total of those who gave it
        ]
    ),
    # One row a subject.
    "reliability": pa.schema(
        [
            ("subject", pa.string()),
            ("n", pa.int64()),
            ("items", pa.int64()),
            ("max", pa.float64()),
            ("mean", pa.float64()),
            ("sd", pa.float64()),  # population kind
            ("median", pa.float64()),
            ("lowest", pa.float64()),
            ("highest", pa.float64()),
            ("difficulty", pa.float64()),
            ("d27", pa.float64()),  # full-mark weighted mean of the items' D
            ("alpha", pa.float64()),
            ("sem", pa.float64()),
        ]
    ),
    # The coefficients of engine.reliability.Reliability, a row each: alpha_se, lambda2, omega_total, …
    "coefficients": pa.schema([("subject", pa.string()), ("coefficient", pa.string()), ("value", pa.float64())]),
    # How well each pupil's answers fit the order of the items, a row a pupil; see engine.personfit. Null: not defined.
    "person_fit": pa.schema(
        [
            ("subject", pa.string()),
            ("student_id", pa.string()),
            ("n", pa.int64()),  # items answered
            ("right", pa.int64()),  # those with at least half of the full mark
            ("guttman_errors", pa.int64()),
            ("g_normed", pa.float64()),
            ("u3", pa.float64()),
            ("ht", pa.float64()),
            ("caution", pa.float64()),  # Sato's caution index; above 0.5 the pupil is worth a look
            ("modified_caution", pa.float64()),
        ]
    ),
    # Does an item favour one of two groups of pupils of the same total score? A row an item and focal group; see
    # engine.dif. Only where the pupils are in groups. Null where the answers don't tell.
    "dif": pa.schema(
        [
            ("subject", pa.string()),
            ("item", pa.string()),
            ("by", pa.string()),  # what the groups are: a column of the roster
            ("reference", pa.string()),
            ("focal", pa.string()),
            ("n_reference", pa.int64()),  # pupils to whom it was presented
            ("n_focal", pa.int64()),
            ("method", pa.string()),  # "mantel_haenszel" of items that earn all or nothing, else "mantel"
            ("chi2", pa.float64()),
            ("p", pa.float64()),
            ("alpha", pa.float64()),  # common odds ratio; above 1: the reference group does better; null of "mantel"
            ("delta", pa.float64()),  # -2.35 ln(alpha), the scale of ETS; below 0: the reference group does better
            ("se_delta", pa.float64()),
            ("difference", pa.float64()),  # of the rates of points gained, focal less reference, at equal total scores
            ("effect", pa.float64()),  # the same in standard deviations of the item
            ("p_nonuniform", pa.float64()),  # logistic regression: does it differ from score to score?
            ("ets", pa.string()),  # "A" nothing to speak of, "B" some, "C" large: look at the item
            ("favours", pa.string()),  # the group that B or C favours, "" for A
        ]
    ),
    # Totals of groups. level "exam", "county", "school", "class"; unit "" / county / school / "school/class".
    "units": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("registered", pa.int64()),
            ("n", pa.int64()),  # with a score
            ("mean", pa.float64()),
            ("sd", pa.float64()),  # population kind
            ("rate", pa.float64()),  # 得分率
            ("excellent", pa.float64()),  # 优秀率 … shares of `of`, cut-offs from exam.toml
            ("good", pa.float64()),
            ("passing", pa.float64()),
            ("low", pa.float64()),
            ("enrolled", pa.int64()),  # 在籍; null: not known
            ("denominator", pa.string()),  # what `of` counts: "present" 实考, "registered" 报名, "enrolled" 在籍
            ("of", pa.int64()),  # the denominator of the four rates above; print it beside them
            ("cv", pa.float64()),  # 差异系数, 100 sd / mean
            ("z", pa.float64()),  # 平均标准分: (mean - the exam's mean) / the exam's sd
            ("ratio", pa.float64()),  # 比均率: mean / the exam's mean; 超均率 is ratio - 1
            ("merit", pa.float64()),  # 综合评价分 of 一分三率, 0…100, weights from exam.toml; null: no weights
        ]
    ),
    # From here on to "grades": the scales, see engine/scale. Subject "total" is the composite (总分) of an exam of
    # several subjects. Points and scores are in real points. Only pupils with status "read" and a score count.
    # A row a pupil entered for the subject.
    "standing": pa.schema(
        [
            ("subject", pa.string()),
            ("student_id", pa.string()),
            ("status", pa.string()),  # as in scores; of the composite see engine.scale.composite
            ("score", pa.float64()),  # of the composite: scaled scores (赋分) where the subject has a scheme
            ("max", pa.float64()),  # full mark of this score
            ("rate", pa.float64()),  # 得分率 = score / max
            ("rank_exam", pa.int64()),  # 名次, competition ranking 1, 2, 2, 4; null where the stage forbids ranks
            ("rank_category", pa.int64()),  # among candidates of the same kind, where scale.category tells them apart
            ("rank_county", pa.int64()),
            ("rank_school", pa.int64()),
            ("rank_class", pa.int64()),
            ("percentile", pa.float64()),  # 百分等级 0…100 within the exam: (below + ties / 2) / n
            ("z", pa.float64()),  # Z 分; null where all scores are equal
            ("t", pa.float64()),  # T 分 = 50 + 10 z
            ("t_normal", pa.float64()),  # 正态化 T 分, by way of the percentile
            ("level_grade", pa.string()),  # 等第: "excellent", "good", "passing", "improve" or as named in exam.toml
            ("scaled", pa.float64()),  # 赋分; null: the subject has no scheme
            ("scaled_grade", pa.string()),  # its grade, such as "A"
            ("gap", pa.float64()),  # percentile less that of the total: the most negative is the lagging subject
            ("z_range", pa.float64()),  # only of the total: highest less lowest z of the pupil's subjects
            ("weakest", pa.string()),  # only of the total: code of the subject with the lowest gap
            ("uneven", pa.bool_()),  # 偏科, only of the total: z_range reaches the bound of exam.toml
        ]
    ),
    # 一分一段: a row a point from the highest obtained to the lowest; level exam, county, school.
    "segments": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),  # as in units
            ("unit", pa.string()),
            ("score", pa.float64()),  # this point up to, not including, the next; in a pooled row this and more
            ("count", pa.int64()),
            ("cumulative", pa.int64()),  # with this score or more
            ("share", pa.float64()),  # cumulative / n
            ("pooled", pa.bool_()),  # the top row that hides single scores: "X分及以上"
        ]
    ),
    # 分数段, from the top; every band from 0 to the full mark, also empty ones.
    "bands": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("low", pa.float64()),  # inclusive
            ("high", pa.float64()),  # exclusive, but the full mark belongs to the top band
            ("count", pa.int64()),
            ("cumulative", pa.int64()),  # with `low` or more
            ("share", pa.float64()),  # count / n
        ]
    ),
    # Five-number summaries (quantiles of type 7, as R and NumPy).
    "spread": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("n", pa.int64()),
            ("minimum", pa.float64()),
            ("q1", pa.float64()),
            ("median", pa.float64()),
            ("q3", pa.float64()),
            ("maximum", pa.float64()),
            ("mean", pa.float64()),
            ("sd", pa.float64()),  # population kind
        ]
    ),
    # Score lines (分数线), a row a line, subject and unit; no rows where the policy has line analysis off.
    "lines": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("line", pa.string()),  # its name in exam.toml, such as 本科
            ("score", pa.float64()),  # the line in this subject: of a subject 单科有效分
            ("denominator", pa.string()),  # as in units
            ("of", pa.int64()),  # denominator of `rate`
            ("above", pa.int64()),  # 单上线: reach the line of this subject
            ("total_above", pa.int64()),  # 总分上线, of those with a score in this subject
            ("both", pa.int64()),  # 双上线
            ("rate", pa.float64()),  # 上线率 = above / of
            ("hit_rate", pa.float64()),  # 命中率 = both / above
            ("contribution", pa.float64()),  # 贡献率 = both / total_above
        ]
    ),
    # 临界生: who is close to a line.
    "borderline": pa.schema(
        [
            ("subject", pa.string()),  # the subject of the line, mostly "total"
            ("student_id", pa.string()),
            ("line", pa.string()),
            ("score", pa.float64()),
            ("distance", pa.float64()),  # score less the line; 0 or more: 线上
            ("weak_subject", pa.string()),  # code of the lagging subject; null: none lags, or one subject only
            ("weak_gap", pa.float64()),  # its percentile less that of the total
        ]
    ),
    # Grades, from the best: of the level (等第, scheme "level") and of 赋分 (the scheme's name).
    "grades": pa.schema(
        [
            ("subject", pa.string()),
            ("scheme", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("grade", pa.string()),
            ("low", pa.float64()),  # lowest and highest score obtained in the grade, within the unit
            ("high", pa.float64()),
            ("scaled_low", pa.float64()),  # the scheme's interval of scaled scores
            ("scaled_high", pa.float64()),
            ("count", pa.int64()),
            ("share", pa.float64()),  # count / n
            ("ruled", pa.float64()),  # the share the scheme rules; null: by cut
        ]
    ),
    # Rate of points gained per knowledge point. level as in units, and "pupil" with unit = student_id.
    "mastery": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("knowledge", pa.string()),
            ("items", pa.int64()),  # items that touch it
            ("max", pa.float64()),  # points at stake for one pupil, weights applied
            ("rate", pa.float64()),
            ("lower", pa.float64()),  # confidence interval of the rate
            ("upper", pa.float64()),
            ("reference", pa.float64()),  # the reference group's rate
            ("gap", pa.float64()),  # rate - reference
            ("weak", pa.bool_()),
            ("evidence", pa.string()),  # "enough", "few items", …
        ]
    ),
    # What a model makes of each pupil's knowledge points, from all his answers; see engine.diagnosis.profile.
    "profiles": pa.schema(
        [
            ("subject", pa.string()),
            ("student_id", pa.string()),
            ("knowledge", pa.string()),
            ("answers", pa.int64()),  # his answers to items of the point, in all exams
            ("exams", pa.int64()),  # the exams that they come from
            ("rate", pa.float64()),  # smoothed: his expected rate on this exam's items of the point
            ("lower", pa.float64()),  # credible interval of it
            ("upper", pa.float64()),
            ("reference", pa.float64()),  # as in mastery
            ("gap", pa.float64()),  # rate - reference
            ("probability", pa.float64()),  # that he masters the point
            ("below", pa.float64()),  # probability that his true rate lies so far below the reference as to be weak
            ("weak", pa.bool_()),
            ("model", pa.string()),  # a name from models
            ("evidence", pa.string()),  # as in mastery, with the answers of all exams
        ]
    ),
    # The models of a subject's answers, a row each.
    "models": pa.schema(
        [
            ("subject", pa.string()),
            ("model", pa.string()),  # "DINA", "ACDM", "GDINA", "tracing"
            ("chosen", pa.bool_()),  # profiles are made by it
            ("exams", pa.int64()),  # whose answers it has seen
            ("n", pa.int64()),  # pupils that it is compared on
            ("attributes", pa.int64()),  # knowledge points
            ("parameters", pa.int64()),
            ("loglik", pa.float64()),
            ("aic", pa.float64()),
            ("bic", pa.float64()),
            ("pattern_accuracy", pa.float64()),  # share of pupils whose whole pattern is told right, as expected
            ("attribute_accuracy", pa.float64()),  # share of points told right (mean over points)
            ("note", pa.string()),  # why it was not fitted, or not chosen; ""
        ]
    ),
    # The knowledge points in the chosen model.
    "attributes": pa.schema(
        [
            ("subject", pa.string()),
            ("knowledge", pa.string()),
            ("model", pa.string()),
            ("items", pa.int64()),
            ("mastered", pa.float64()),  # share of pupils who master it
            ("accuracy", pa.float64()),  # share of pupils whose mastery is told right, as expected
            ("consistency", pa.float64()),  # share told the same by a parallel paper
        ]
    ),
    # The items in the chosen cognitive diagnosis model, and which rule would do (item-level Wald tests).
    "diagnostic_items": pa.schema(
        [
            ("subject", pa.string()),
            ("item", pa.string()),
            ("model", pa.string()),
            ("guess", pa.float64()),  # P(right) without the points that it requires
            ("slip", pa.float64()),  # P(wrong) with all of them
            ("discrimination", pa.float64()),  # 1 - slip - guess
            ("gdi", pa.float64()),  # variance of P(right) over the classes (de la Torre & Chiu 2016)
            ("p_dina", pa.float64()),  # of the Wald test of the rule; null: one point only, or no standard error
            ("p_dino", pa.float64()),
            ("p_acdm", pa.float64()),
            ("rule", pa.string()),  # the simplest that is not rejected
        ]
    ),
    # Hints on the blueprint's knowledge points (Q-matrix), only where the answers speak for others.
    "q_matrix": pa.schema(
        [
            ("subject", pa.string()),
            ("item", pa.string()),
            ("knowledge", pa.string()),  # as in the blueprint, joined by "、"
            ("pvaf", pa.float64()),  # share of the item's variance between classes that it accounts for
            ("suggested", pa.string()),
            ("suggested_pvaf", pa.float64()),
            ("reason", pa.string()),  # in words, in Chinese
        ]
    ),
    # 共性错误: knowledge points and items at which a county, school or class lies below the whole exam.
    "patterns": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),  # "county", "school", "class", units as in units
            ("unit", pa.string()),
            ("kind", pa.string()),  # "knowledge", "ability", "type" or "item"
            ("name", pa.string()),  # the point, or the item
            ("n", pa.int64()),  # pupils of the unit to whom it was presented
            ("rate", pa.float64()),
            ("reference", pa.float64()),  # the whole exam's rate on the same items
            ("gap", pa.float64()),  # rate - reference
            ("lower", pa.float64()),  # confidence interval of the gap
            ("upper", pa.float64()),
            ("specific", pa.float64()),  # gap less the unit's gap on the whole paper: below 0, worse than its level
            ("p", pa.float64()),  # of no gap, two-sided
            ("q", pa.float64()),  # adjusted for all tests of this subject, level and kind (Benjamini & Hochberg 1995)
            ("significant", pa.bool_()),  # q small enough, and the gap large enough to teach
            ("reason", pa.string()),  # in words and numbers, in Chinese; "" if not significant
        ]
    ),
    # Pupils whose answers don't fit their score; from person_fit. Only those.
    "atypical": pa.schema(
        [
            ("subject", pa.string()),
            ("student_id", pa.string()),
            ("kind", pa.string()),  # "careless" 粗心, "guessing" 猜答, "atypical" 作答异常
            ("rate", pa.float64()),  # of the paper
            ("caution", pa.float64()),
            ("modified_caution", pa.float64()),
            ("easy_wrong", pa.string()),  # items that he should have had, joined by "、", easiest first
            ("hard_right", pa.string()),  # items that he should not have had, hardest first
            ("reason", pa.string()),  # in words and numbers, in Chinese
        ]
    ),
    # Wrong answers that the blueprint's column misconceptions explains. level "exam", "county", "school", "class".
    "misconceptions": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("item", pa.string()),
            ("knowledge", pa.string()),  # of the item, joined by "、"
            ("answer", pa.string()),  # the option, or the numeric answer
            ("misconception", pa.string()),
            ("n", pa.int64()),  # pupils of the unit to whom the item was presented
            ("count", pa.int64()),  # who gave the answer
            ("rate", pa.float64()),  # count / n
            ("lower", pa.float64()),  # confidence interval of the rate
            ("upper", pa.float64()),
            ("reference", pa.float64()),  # rate of the whole exam; of level "exam": of a guesser among wrong options
            ("p", pa.float64()),  # of no more than the reference, one-sided
            ("q", pa.float64()),  # adjusted for all tests of this subject and level
            ("significant", pa.bool_()),
        ]
    ),
    # Teaching groups within a class.
    "groups": pa.schema(
        [
            ("subject", pa.string()),
            ("school", pa.string()),
            ("class", pa.string()),
            ("student_id", pa.string()),
            ("group", pa.int32()),  # from 1, weakest first
            ("label", pa.string()),  # what distinguishes the group, in Chinese
            ("focus", pa.string()),  # the knowledge points to work on, joined by "、"
            ("stability", pa.float64()),  # of the class's groups: adjusted Rand index under resampling; null: one group
        ]
    ),
    # Questions to practise next, per pupil.
    "recommendations": pa.schema(
        [
            ("subject", pa.string()),
            ("student_id", pa.string()),
            ("rank", pa.int32()),  # from 1, in the order to practise them
            ("question", pa.string()),  # id in the bank
            ("knowledge", pa.string()),  # the point that it is recommended for
            ("difficulty", pa.float64()),  # the bank's expected rate
            ("chance", pa.float64()),  # this pupil's expected rate
            ("reason", pa.string()),  # in words and numbers, in Chinese
            ("purpose", pa.string()),  # "weak", "prerequisite", "behind", "review", "unknown", "practice"
        ]
    ),
    # The same for the whole of a class or of a teaching group of it: what all of them practise together.
    "practice_sets": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),  # "class", "group"
            ("school", pa.string()),
            ("class", pa.string()),
            ("group", pa.int32()),  # number of the teaching group; null of a class
            ("pupils", pa.int64()),  # with a score
            ("rank", pa.int32()),
            ("question", pa.string()),
            ("knowledge", pa.string()),
            ("difficulty", pa.float64()),
            ("chance", pa.float64()),  # mean of the pupils' expected rates
            ("in_zone", pa.int64()),  # pupils whose expected rate lies in the target zone
            ("weak", pa.int64()),  # pupils whose weak point it is
            ("reason", pa.string()),
        ]
    ),
    # 增值评价: what schools and classes add between an earlier exam and this one, given the pupils' earlier scores. A
    # row a unit, by name: never a ranking. "points" are points of this exam. See engine.growth.
    "growth": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),  # "school", "class"
            ("unit", pa.string()),  # as in units
            ("n", pa.int64()),  # pupils with a score now
            ("matched", pa.int64()),  # of these with an earlier score
            ("coverage", pa.float64()),  # matched / n
            ("prior", pa.float64()),  # mean earlier standard score of the matched
            ("gain", pa.float64()),  # mean residual of one regression over all pupils, in points
            ("sgp", pa.float64()),  # median growth percentile of the matched
            ("effect", pa.float64()),  # of the unit in the multilevel model (EB, shrunk to 0), in points
            ("se", pa.float64()),  # its standard error
            ("lower", pa.float64()),  # interval of the effect
            ("upper", pa.float64()),
            ("verdict", pa.string()),  # "above", "not distinguishable", "below"; "too few" matched, by number or share
            ("model", pa.string()),  # "score ~ prior + sex + (1 | school), REML"
        ]
    ),
    # The multilevel models of `growth`, a row a term: of the fixed part "(Intercept)", "prior", "sex:男", …; then
    # "variance between", "variance slope", "covariance", "variance within" and "icc".
    "growth_models": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("term", pa.string()),
            ("estimate", pa.float64()),
            ("se", pa.float64()),  # null of variances
            ("lower", pa.float64()),  # interval
            ("upper", pa.float64()),
            ("n", pa.int64()),  # pupils
            ("units", pa.int64()),
            ("model", pa.string()),
        ]
    ),
    # Schools over the last two or three spans from one exam of the store to the next; who has but one that counts has
    # no row.
    "growth_years": pa.schema(
        [
            ("subject", pa.string()),
            ("unit", pa.string()),  # school
            ("spans", pa.int64()),
            ("effect", pa.float64()),  # mean effect, in standard deviations of the pupils
            ("se", pa.float64()),
            ("lower", pa.float64()),
            ("upper", pa.float64()),
            ("verdict", pa.string()),  # as in growth
        ]
    ),
    # A row a pupil with both scores.
    "growth_pupils": pa.schema(
        [
            ("subject", pa.string()),
            ("student_id", pa.string()),
            ("prior", pa.float64()),  # earlier standard score
            ("score", pa.float64()),  # points now
            ("expected", pa.float64()),  # points expected of the earlier score (simple regression)
            ("residual", pa.float64()),  # score - expected
            ("sgp", pa.int32()),  # 学生成长百分等级 1…99: among pupils with the same earlier score
        ]
    ),
    # Who could not be followed, and who moved, between the earlier exam and this one.
    "linkage": pa.schema(
        [
            ("subject", pa.string()),  # "" of changes that are not of one subject
            ("student_id", pa.string()),
            # "transferred": to another school; "new": not in the earlier exam; "left": only there; of a subject "no
            # score now" and "no score before": in both exams, but absent, missing, of violation or incomplete
            ("change", pa.string()),
            ("school_before", pa.string()),  # null where not known, as the columns below
            ("class_before", pa.string()),
            ("school", pa.string()),
            ("class", pa.string()),
        ]
    ),
    # The exams of the store one after the other, this one last. level as in units, and "pupil" with unit = student_id.
    "trend": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),
            ("unit", pa.string()),
            ("exam", pa.string()),
            ("title", pa.string()),
            ("date", pa.date32()),
            ("n", pa.int64()),
            ("rate", pa.float64()),  # mean 得分率: not comparable between papers of unlike difficulty
            ("z", pa.float64()),  # mean standard score within the exam's pupils: the place among them
            ("linked", pa.float64()),  # mean in standard scores of the first linked exam, by anchor items; null: none
            ("lower", pa.float64()),  # interval of linked or, where that is null, of z; null of pupils
            ("upper", pa.float64()),
            ("scale", pa.string()),  # "anchor": compare `linked`; "z": no common items, so compare places, `z`
        ]
    ),
    # Balance between schools (校际均衡). A row a measure: see engine.equity.
    "balance": pa.schema(
        [
            ("subject", pa.string()),
            ("level", pa.string()),  # "exam", "county": among whose schools
            ("unit", pa.string()),  # "" / county
            # Of school means "cv", "range_ratio"; weighted by pupils "cv_weighted", "gini", "theil", "robin_hood";
            # "icc" 校际差异率; "theil_schools": share of the pupils' Theil index between schools; "theil_counties":
            # share of that of the schools between counties
            ("measure", pa.string()),
            ("value", pa.float64()),  # null where not defined
            ("lower", pa.float64()),
            ("upper", pa.float64()),
            ("n_schools", pa.int64()),
            ("n_pupils", pa.int64()),
            ("threshold", pa.float64()),  # of the scheme, null: none
            ("verdict", pa.string()),  # "within", "beyond", "not distinguishable" (the interval holds the threshold);
            #                            "" without threshold
        ]
    ),
    # Gaps between groups of pupils, less the reference group; intervals allow for pupils of a school being alike.
    "gaps": pa.schema(
        [
            ("subject", pa.string()),
            ("by", pa.string()),  # a column of the roster, or "training"
            ("measure", pa.string()),  # "mean" (points), "excellent", "passing", "low" (shares); of training "gain"
            ("group", pa.string()),
            ("reference", pa.string()),
            ("difference", pa.float64()),
            ("lower", pa.float64()),
            ("upper", pa.float64()),
            ("effect", pa.float64()),  # difference in standard deviations of the pupils; null of shares
            ("n", pa.int64()),  # pupils in the group
            ("n_reference", pa.int64()),
            ("clusters", pa.int64()),  # schools (of training: pairs of classes) that the interval rests on
        ]
    ),
    # 资源配置: the indicators of indicators.csv. Rows of schools, then of the county and of the exam.
    "indicators": pa.schema(
        [
            ("scheme", pa.string()),  # "quality-2017", …: see engine/equity/standards
            ("stage", pa.string()),  # "primary", "junior"
            ("level", pa.string()),  # "school", "county", "exam"
            ("unit", pa.string()),
            # "teachers_above_degree", …; "all": of a school how many are met, of a county the share of schools that
            # meet enough of them, or the mean CV where the scheme asks for that
            ("indicator", pa.string()),
            ("title", pa.string()),
            ("value", pa.float64()),  # of a county: mean weighted by enrolment
            ("cv", pa.float64()),  # weighted CV between schools; null of schools
            ("n_schools", pa.int64()),
            ("pupils", pa.int64()),  # enrolled
            ("threshold", pa.float64()),  # the least value of a school; the largest CV of a county
            ("verdict", pa.string()),  # "met", "nearly" (at least 85 %), "missed"; "" without threshold
        ]
    ),
    # 讲评课: the items worth going through in class, a row a class and item; see engine.lecture. First those of the
    # lesson in their order, then those that its minutes don't reach.
    "lecture": pa.schema(
        [
            ("subject", pa.string()),
            ("school", pa.string()),
            ("class", pa.string()),
            ("order", pa.int32()),  # from 1
            ("block", pa.int32()),  # items of one topic are gone through together; null: not in the lesson
            ("topic", pa.string()),  # the item's main knowledge point, "" if it has none
            ("item", pa.string()),
            ("minutes", pa.int32()),  # planned; null: not in the lesson
            ("n", pa.int64()),  # pupils of the class to whom it was presented
            ("lost", pa.int64()),  # of these, how many lost points
            ("points_lost", pa.float64()),  # by all of them together
            ("rate", pa.float64()),
            ("reference", pa.float64()),  # rate of the whole exam
            ("gap", pa.float64()),  # rate - reference
            ("clear", pa.bool_()),  # the gap is more than chance and large enough
            ("weight", pa.float64()),  # what the order follows: points_lost, more where the gap is clear
            ("chain", pa.string()),  # what leads to the topic, in the order to learn it, joined by " → "; "" if nothing
            ("shaky", pa.string()),  # of these, where the class is weak, joined by "、"
            ("reason", pa.string()),  # in words and numbers, in Chinese
        ]
    ),
    # Wrong answers to the items of the lesson and who gave them, the most frequent first.
    "lecture_options": pa.schema(
        [
            ("subject", pa.string()),
            ("school", pa.string()),
            ("class", pa.string()),
            ("item", pa.string()),
            ("answer", pa.string()),  # "" blank; of a constructed response "zero", "under_half", "over_half"
            ("count", pa.int64()),
            ("share", pa.float64()),  # of the class's pupils to whom the item was presented
            ("reference", pa.float64()),  # the same of the whole exam
            ("more", pa.bool_()),  # clearly more often than in the whole exam
            ("misconception", pa.string()),  # what the blueprint says lies behind it, "" if nothing
            ("students", pa.string()),  # student_ids joined by "、"
        ]
    ),
    # What the class works on in the lesson: variants after a block, and the exit ticket (block null) at the end.
    "lecture_questions": pa.schema(
        [
            ("subject", pa.string()),
            ("school", pa.string()),
            ("class", pa.string()),
            ("block", pa.int32()),  # null: exit ticket
            ("use", pa.string()),  # "easier", "harder": variants; "exit"
            ("order", pa.int32()),  # from 1 within block or ticket
            ("item", pa.string()),  # the item of the paper it goes with
            ("topic", pa.string()),
            ("question", pa.string()),  # id in the bank; null: none fits, do the item again with its paper closed
            ("difficulty", pa.float64()),  # the bank's expected rate
        ]
    ),
    # 教研: a row a topic, those suggested for the training of teachers first; see engine.research.
    "research_topics": pa.schema(
        [
            ("subject", pa.string()),
            ("order", pa.int32()),  # of the suggestions, from 1; null: not suggested
            ("kind", pa.string()),  # as in `patterns`: "knowledge", "type", "ability"
            ("topic", pa.string()),
            ("items", pa.int64()),
            ("max", pa.float64()),  # points at stake for a pupil
            ("n", pa.int64()),  # pupils
            ("rate", pa.float64()),  # of the exam
            ("lower", pa.float64()),  # 95 % interval: over classes, as if these were drawn from many
            ("upper", pa.float64()),
            ("expected", pa.float64()),  # in the blueprint; null where it does not say for all items
            ("below_expected", pa.bool_()),  # by more than the bound of exam.toml and more than chance
            ("schools", pa.int64()),  # judged: not too small
            ("schools_behind", pa.int64()),  # clearly below the exam's rate
            ("classes", pa.int64()),
            ("classes_behind", pa.int64()),
            ("pupils_behind", pa.int64()),  # in these classes
            ("gap", pa.float64()),  # of these classes together, to the exam's rate; null: none is behind
            ("points_behind", pa.float64()),  # points that they, or all pupils, lie below what they are held against
            ("classes_specific", pa.int64()),  # of them, how many lie further behind there than on the whole paper
            ("reason", pa.string()),  # in words and numbers, in Chinese; "" if not suggested
        ]
    ),
    # The schools that are behind at a topic, or have a class that is; figures as in `patterns`.
    "research_schools": pa.schema(
        [
            ("subject", pa.string()),
            ("kind", pa.string()),
            ("topic", pa.string()),
            ("school", pa.string()),
            ("n", pa.int64()),
            ("rate", pa.float64()),
            ("reference", pa.float64()),
            ("gap", pa.float64()),
            ("lower", pa.float64()),
            ("upper", pa.float64()),
            ("q", pa.float64()),
            ("behind", pa.bool_()),  # the school as a whole
            ("classes", pa.int64()),  # judged
            ("classes_behind", pa.int64()),
        ]
    ),
    # Wrong answers worth a word among teachers, a row a finding.
    "research_options": pa.schema(
        [
            ("subject", pa.string()),
            ("item", pa.string()),
            ("answer", pa.string()),
            ("finding", pa.string()),  # "strong": goes with high scores; "rival": of the top group as many as the key
            ("school", pa.string()),  # finding "school": chosen there more than by pupils of equal score; else ""
            ("n", pa.int64()),  # pupils: of the school, else of the exam
            ("count", pa.int64()),
            ("share", pa.float64()),
            ("reference", pa.float64()),  # "school": expected at these scores; "rival": the key's, at the top
            ("rate_high", pa.float64()),  # among the top 27 % of the exam
            ("r_rest", pa.float64()),  # in the exam
            ("p_adjusted", pa.float64()),  # Benjamini-Hochberg; null for "rival"
            ("misconception", pa.string()),
        ]
    ),
    # 命题偏差: expected and actual difficulty, a row an item that the blueprint has an expectation of.
    "research_items": pa.schema(
        [
            ("subject", pa.string()),
            ("item", pa.string()),
            ("n", pa.int64()),
            ("expected", pa.float64()),
            ("rate", pa.float64()),
            ("lower", pa.float64()),  # 95 % interval over classes
            ("upper", pa.float64()),
            ("deviation", pa.float64()),  # rate - expected
            ("verdict", pa.string()),  # "harder", "easier" than expected; "" as expected, or it can't be told
        ]
    ),
}


def empty(name: str) -> pa.Table:
    """An empty table with the schema `name`."""
    return SCHEMAS[name].empty_table()


def build(name: str, columns: Mapping[str, object]) -> pa.Table:
    """A table of schema `name` from columns (lists, NumPy or Arrow arrays); absent columns become null."""
    schema = SCHEMAS[name]
    unknown = set(columns) - set(schema.names)
    if unknown:
        raise KeyError(f"no such column in {name}: {sorted(unknown)}")
    length = len(next(iter(columns.values())))  # type: ignore[arg-type]
    arrays = [
        _array(columns[field.name], field.type) if field.name in columns else pa.nulls(length, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _array(values: object, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values if values.type == kind else values.cast(kind)
    return pa.array(values, type=kind, from_pandas=True)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when all of it is written; if `durable`, also after a power cut.

    Waiting for the disk takes milliseconds: too long for thousands of files that can be made again.

    Raises:
        InputError: the file cannot be written there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}",
            file=path,
            mend="choose a folder that you may write to and that has room",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(data: bytes | memoryview, path: Path, *, durable: bool = True) -> None:
    """Write a file so that a reader sees the old one or the whole new one (see `replacing`)."""
    with replacing(path, durable=durable) as file:
        file.write(data)


def write(table: pa.Table, path: Path) -> None:
    """Write an Arrow IPC file, whole or not at all. Equal tables give equal bytes."""
    with replacing(path) as file, ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def write_all(name: str, pieces: Iterable[pa.Table], path: Path) -> int:
    """Write a table of schema `name` that comes in pieces, which are not held; returns its number of rows.

    The bytes don't show where a piece ended.
    """
    rows = 0
    with replacing(path) as file, ipc.new_file(file, SCHEMAS[name]) as writer:
        for batch in _even(pieces):
            writer.write_table(batch)
            rows += len(batch)
    return rows


def _even(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, `LONG_BATCH` at a time."""
    held: list[pa.Table] = []
    rows = 0
    for piece in filter(len, pieces):
        held.append(piece)
        rows += len(piece)
        while rows >= LONG_BATCH:
            joined = pa.concat_tables(held).combine_chunks()
            yield _copied(joined.slice(0, LONG_BATCH))
            held, rows = [joined.slice(LONG_BATCH)], rows - LONG_BATCH
    if rows:
        yield _copied(pa.concat_tables(held))


def _copied(table: pa.Table) -> pa.Table:
    """The same rows in buffers of their own: those of a slice show in a file what it was cut from."""
    return table.take(pa.array(range(len(table)))).combine_chunks()


def read(path: Path) -> pa.Table:
    """Read an Arrow IPC file.

    Raises:
        InputError: the file is missing or is not an Arrow file.
    """
    try:
        with pa.memory_map(str(path)) as source:
            return ipc.open_file(source).read_all()
    except FileNotFoundError:
        raise InputError(
            "this table has not been made yet", file=path, mend="run the stage that writes it, or `yuejuan run EXAM`"
        ) from None
    except (pa.ArrowInvalid, OSError) as error:
        mend = "name a table (*.arrow) under out/tables; if it is one, run the stage that writes it again"
        raise InputError(f"not an Arrow table that can be read: {error}", file=path, mend=mend) from None


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The rows of an Arrow IPC or a Parquet file, some at a time, to be let go one after the other; at least one batch.

    Raises:
        InputError: the file is missing or neither of these.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        if is_parquet:
            texts = [one.name for one in parquet.read_schema(path) if pa.types.is_string(one.type)]
            whole = parquet.ParquetFile(path, read_dictionary=texts)
            schema, found = (
                whole.schema_arrow,
                whole.iter_batches(PARQUET_BATCH) if whole.metadata.num_rows else iter(()),
            )
        else:
            reader = ipc.open_file(pa.memory_map(str(path)))
            schema, found = reader.schema, (reader.get_batch(number) for number in range(reader.num_record_batches))
        first = next(found, None)
        yield first if first is not None else pa.RecordBatch.from_pylist([], schema=schema)
        yield from found
    except FileNotFoundError:
        raise InputError("no such file", file=path, mend="give an Arrow or Parquet file") from None
    except (pa.ArrowInvalid, OSError) as error:
        mend = "give an Arrow (IPC file format) or a Parquet file, and make it again if it was cut short"
        raise InputError(f"neither Arrow nor Parquet: {error}", file=path, mend=mend) from None


def decoded(table: pa.Table) -> pa.Table:
    """The same table with numbers that are kept in dictionaries as plain columns."""
    for number, one in enumerate(table.schema):
        if pa.types.is_dictionary(one.type) and pa.types.is_integer(one.type.value_type):
            table = table.set_column(number, one.name, table.column(number).cast(one.type.value_type))
    return table


def plain_cell(value: object) -> str:
    """A value as the text of a spreadsheet cell, never as a formula: what it would run gets a leading '."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else f"{value:.10g}" if isinstance(value, float) else str(value)
    if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text):
        return "'" + text
    return text


def armed(text: str) -> str:
    """What `plain_cell` was given: the text of a cell without the ' that keeps it from being run."""
    return text[1:] if text[:1] == "'" and plain_cell(text[1:]) == text else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_csv(table: pa.Table | Iterable[pa.Table], path: Path, columns: list[str] | None = None) -> None:
    """Write a table for people: UTF-8 with BOM, formula cells disarmed, whole or not at all.

    Args:
        table: or its pieces, which are not held.
        columns: those to be written; needed with pieces.
    """
    pieces = [table] if isinstance(table, pa.Table) else table
    names = columns or table.column_names  # type: ignore[union-attr]
    with replacing(path) as file:
        file.write(("\ufeff" + ",".join(_quoted(plain_cell(name), len(names)) for name in names) + "\r\n").encode())
        for piece in pieces:
            for batch in piece.select(names).to_batches(max_chunksize=CSV_BATCH):
                cells = [_cells(column, len(names)) for column in batch.columns]
                lines = pc.binary_join_element_wise(*cells, ",").to_pylist()
                file.write("".join(f"{line}\r\n" for line in lines).encode())


def _cells(column: pa.Array, columns: int) -> pa.Array:
    """The cells of a column of so many columns as text; each value is made into text but once."""
    encoded = column.dictionary_encode()
    texts = [_quoted(plain_cell(value), columns) for value in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices).fill_null(_quoted("", columns))


def _quoted(cell: str, columns: int) -> str:
    """The text of a cell, in quotes where it needs them (RFC 4180); an empty cell that is a whole line needs them."""
    if any(mark in cell for mark in ',"\r\n') or (not cell and columns == 1):
        return '"' + cell.replace('"', '""') + '"'
    return cell
