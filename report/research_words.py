"""The fixed texts of the research pack (教研) of a subject; see report/words.py."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "report.research": ("教研分析", "Research among teachers"),
    "research.scope": (
        "依据：{schools} 所学校、{classes} 个班、{n} 名学生。人数不到 {least} 人的学校和班级不作判断。"
        "本页只看知识点和题目，不评价教师。",
        "Rests on {schools} schools, {classes} classes, {n} pupils; schools and classes of fewer than {least} are not "
        "judged. This page looks at topics and items and judges no teacher.",
    ),
    "research.topics": ("建议的研训主题", "Suggested topics for training"),
    "research.topics.note": (
        "班级得分率比全体低 {gap} 个百分点以上，并且不像是偶然（同时比较了许多班和知识点，已作校正），才算落后；"
        "按这些班合起来差多少分排序。",
        "A class is behind if its rate is {gap} percentage points or more below all pupils, by more than chance (many "
        "classes and topics are compared; this is allowed for). In order of the points these classes are behind.",
    ),
    "research.topics.none": (
        "没有哪个班在哪个知识点、能力或题型上明显落后，全体也不低于命题预估。",
        "No class is clearly behind at any topic, ability or type of item, nor are all pupils below expectation.",
    ),
    "research.kind": ("类别", "Kind"),
    "research.kind.knowledge": ("知识点", "knowledge"),
    "research.kind.ability": ("能力", "ability"),
    "research.kind.type": ("题型", "type of item"),
    "research.topic": ("主题", "Topic"),
    "research.classes": ("落后班级", "Classes behind"),
    "research.schools": ("落后学校", "Schools behind"),
    "research.of": ("{count} / {all}", "{count} of {all}"),
    "research.gap": ("差距（百分点）", "Gap (points of %)"),
    "research.behind": (
        "{all} 个班中有 {count} 个班（{n} 名学生）落后，比全体低 {gap} 个百分点。",
        "{count} of {all} classes (n = {n}) are behind, by {gap} percentage points below all pupils.",
    ),
    "research.where": ("所在学校", "Where"),
    "research.school": ("{school} {count} 个班", "{school} ({count})"),
    "research.specific": (
        "有 {count} 个班在这里比自己的整体水平还低。",
        "{count} of them: further behind here than on the whole paper.",
    ),
    "research.expected": (
        "得分率 {rate}，低于命题预估 {expected}。",
        "Their rate, {rate}, is below the expected {expected}.",
    ),
    "research.map": ("各主题的校际情况", "Topics across schools"),
    "research.map.note": (
        "横条是全体得分率，细线是 95% 区间（把各班看作许多班中的一部分），竖线是命题预估。展开一行可看落后的学校。",
        "Bars are the rates of all, the thin line is the 95% interval (over classes), the tick is the expectation. "
        "Open a row for the schools that are behind.",
    ),
    "research.school.gap": (
        "低 {gap} 个百分点（{confidence} 区间 {low} 至 {high}），{n} 人；{count} / {all} 个班落后",
        "{gap} percentage points below ({confidence} interval {low} to {high}), n = {n}; classes behind {count} of "
        "{all}",
    ),
    "research.school.classes": (
        "全校不明显，{count} / {all} 个班落后",
        "not as a whole; classes behind {count} of {all}",
    ),
    "research.options": ("值得研讨的错答", "Wrong answers to talk about"),
    "research.options.note": (
        "“强生也选”：选它的学生其余题得分反而更高，先查答案和题干，再查讲法。"
        "“与正答相当”：总分前 27% 的学生选它不比选正答的少。"
        "“某校偏多”：与别校总分相近的学生相比，该校选它的明显更多，可能与讲法有关。",
        "“Strong pupils”: those who chose it did better on the rest; check key and stem first, then how it is taught. "
        "“As many as the key”: among the top 27%. “More at a school”: than pupils of equal score elsewhere: "
        "perhaps a matter of teaching.",
    ),
    "research.options.none": (
        "没有吸引强生的错误选项，也没有哪所学校特别集中的错答。",
        "No wrong answer attracts strong pupils, and none is given more at one school.",
    ),
    "research.finding": ("发现", "Finding"),
    "finding.strong": ("强生也选", "strong pupils"),
    "finding.rival": ("与正答相当", "as many as the key"),
    "finding.school": ("某校偏多", "more at a school"),
    "research.share": ("选它的占比", "Share"),
    "research.reference": ("对照", "Against"),
    "research.misconception": ("可能的想法", "What may lie behind it"),
    "research.items": ("命题偏差", "Expected and actual difficulty"),
    "research.items.note": (
        "实际得分率与预估相差 {least} 个百分点以上、且 95% 区间不含预估，才列出。",
        "Told are items {least} percentage points or more off, whose 95% interval leaves out the expectation.",
    ),
    "research.items.says": (
        "{count} 题有预估难度，其中 {harder} 题明显比预估难，{easier} 题明显比预估容易；平均{side} {mean} 个百分点。",
        "Of {count} items with an expectation {harder} were clearly harder, {easier} clearly easier; on average "
        "{mean} percentage points {side}.",
    ),
    "research.side.higher": ("高出预估", "above expectation"),
    "research.side.lower": ("低于预估", "below expectation"),
    "research.verdict": ("结果", "Outcome"),
    "verdict.harder": ("比预估难", "harder"),
    "verdict.easier": ("比预估容易", "easier"),
    "research.off": ("偏差（百分点）", "Off (points of %)"),
}
