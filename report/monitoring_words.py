"""Fixed texts of the reports on quality monitoring: city, counties, papers, growth, balance; see report/words.py."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # --- documents
    "source": ("数据：{source}", "Data: {source}"),
    "report.city": ("市级质量监测报告", "City report"),
    "report.county": ("县区质量监测报告", "County report"),
    "report.paper": ("试卷质量分析", "Quality of the paper"),
    "report.items": ("小题分析", "Item analysis"),
    "reports.all": ("各级报告", "All reports"),
    "overall": ("总体情况", "All subjects"),
    "total": ("总分", "Total"),
    "county": ("县区", "County"),
    "fact.counties": ("{count} 个县区", "{count} counties"),
    "fact.schools": ("{count} 所学校", "{count} schools"),
    "fact.classes": ("{count} 个班", "{count} classes"),
    "fact.pupils": ("{count} 名学生", "{count} pupils"),
    "fact.items": ("{count} 题", "{count} items"),
    "fact.full": ("满分 {full} 分", "full mark {full}"),
    "page.of": ("第 {page} 页 / 共 {pages} 页", "page {page} of {pages}"),
    "page.number": ("第 {page} 页", "page {page}"),
    "interval": ("95% 区间", "95% interval"),
    "interval.of": ("{confidence} 区间", "{confidence} interval"),
    "span": ("{low} 至 {high}", "{low} to {high}"),
    "gap.rate": ("差（百分点）", "Gap (points of %)"),
    "cumulative": ("累计人数", "Cumulative"),
    "chart.bar": ("图示", "Bar"),
    "chart.at_least": ("达到该分的人数占比（%）", "Share with at least this score (%)"),
    # --- tips on marks
    "tip.band": ("{low}–{high} 分：{share}", "{low}–{high}: {share}"),
    "tip.at_least": ("{name}：{score} 分及以上 {share}", "{name}: {score} or more {share}"),
    "tip.box": (
        "{name}：最低 {low}，下四分位 {q1}，中位 {median}，上四分位 {q3}，最高 {high}，平均 {mean}",
        "{name}: lowest {low}, quartile {q1}, median {median}, quartile {q3}, highest {high}, mean {mean}",
    ),
    "tip.interval": ("{name}：{value}（{low} 至 {high}），{verdict}", "{name}: {value} ({low} to {high}), {verdict}"),
    "tip.item": (
        "第 {item} 题 {type} {knowledge}：得分率 {rate}，区分度 {d27}",
        "item {item}, {type}, {knowledge}: rate {rate}, discrimination {d27}",
    ),
    "tip.arrow": (
        "{name}：预期 {before}，实际 {after}，差 {gap}（{low} 至 {high}），{verdict}",
        "{name}: expected {before}, reached {after}, difference {gap} ({low} to {high}), {verdict}",
    ),
    # --- comparison
    "compare.counties": ("县区比较", "Counties compared"),
    "sides.above": ("明显高于全体的有 {count} 个：{units}。", "Clearly above all ({count}): {units}."),
    "sides.below": ("明显低于全体的有 {count} 个：{units}。", "Clearly below all ({count}): {units}."),
    "sides.same": (
        "其余 {count} 个与全体的差异可能只是偶然，不作区分。",
        "The other {count} differ from all by no more than chance may do.",
    ),
    "county.same": (
        "各科平均分与全市都看不出明显差异。",
        "In no subject does the county clearly differ from all.",
    ),
    "school.same": ("各科平均分与全体都看不出明显差异。", "In no subject does the school clearly differ from all."),
    "class.same": ("各科平均分与全体都看不出明显差异。", "In no subject does the class clearly differ from all."),
    "standard.by": ("各科平均标准分（按{unit}）", "Mean standard scores: {unit}"),
    "standard.note": (
        "平均标准分 =（本单位平均分 − 全体平均分）÷ 全体标准差，各科可比。只有 95% 区间不含 0 时才着色："
        "绿色明显高于全体，红色明显低于全体，其余不作区分。点列名可排序，原序按名称。",
        "Standard score = (mean − mean of all) ÷ standard deviation of all. Coloured only if the 95% interval leaves "
        "out 0: green clearly above, red clearly below all. A click on a column sorts; the order given is by name.",
    ),
    "segments": ("一分一段曲线", "Cumulative curve"),
    "segments.table": ("一分一段表", "Scores, point by point"),
    "segments.pooled": ("{score} 分及以上", "{score} and more"),
    "boxes": ("分数箱线图", "Box plots of the scores"),
    "boxes.note": (
        "箱子是中间一半学生，竖线是中位数，圆点是平均分，细线两端是最低分和最高分。",
        "The box holds the middle half, the line is the median, the dot the mean; whiskers reach lowest and highest.",
    ),
    "grades": ("等第构成", "Shares of the grades"),
    "heat": ("知识点热力图", "Knowledge points: heat map"),
    "heat.note": (
        "颜色是与参照得分率之差；红框是判定的薄弱点（证据足够且明显低于参照）。",
        "Colour: difference to the reference rate; framed: weak, on enough evidence and clearly below.",
    ),
    "heat.unit": ("百分点", "points of %"),
    "radar": ("知识点雷达图", "Knowledge points: radar"),
    "map.weak.short": ("薄弱", "weak"),
    "group.focus.on": ("重点：{points}", "Focus: {points}"),
    # --- score lines
    "cut": ("分数线", "Line"),
    "cuts": ("上线分析", "Score lines"),
    "cuts.note": (
        "单科线由总分线折算。双上线：单科与总分都上线；命中率 = 双上线 ÷ 单科上线；贡献率 = 双上线 ÷ 总分上线。"
        "仅供教学诊断，不作升学指标，不公布。",
        "Lines of subjects follow from that of the total. Both: subject and total; hit rate = both ÷ subject; "
        "contribution = both ÷ total. For diagnosis only, not to be published.",
    ),
    "cut.score": ("分数线", "Score"),
    "cut.of": ("分母人数", "Of"),
    "cut.above": ("上线人数", "Above"),
    "cut.rate": ("上线率", "Rate"),
    "cut.both": ("双上线", "Both"),
    "cut.hit_rate": ("命中率", "Hit rate"),
    "cut.contribution": ("贡献率", "Contribution"),
    # --- growth
    "growth": ("增值评价", "Growth"),
    "growth.note": (
        "与入口成绩相同的学生相比，本单位学生多得或少得多少分。模型：{model}。区间含 0 的单位不作高低之分；"
        "只看一次考试不能评价教师和学校。",
        "How many points more or less than pupils with the same earlier score. Model: {model}. Units whose interval "
        "holds 0 are not told apart; one exam alone is no judgement of teachers or schools.",
    ),
    "growth.n": ("实考", "Scored"),
    "growth.matched": ("有前测", "Matched"),
    "growth.coverage": ("匹配率", "Coverage"),
    "growth.gain": ("平均残差", "Mean residual"),
    "growth.sgp": ("成长百分等级", "Growth percentile"),
    "growth.effect": ("增值（分）", "Value added"),
    "growth.expected": ("预期", "expected"),
    "growth.points": ("平均分（分）", "Mean score"),
    "growth.above": ("高于预期", "above expected"),
    "growth.below": ("低于预期", "below expected"),
    "growth.same": ("与预期无明显差异", "as expected"),
    "growth.unknown": ("数据不足", "too few"),
    "growth.says.above": ("增值明显高于预期的有 {count} 个：{units}。", "Clearly above expected ({count}): {units}."),
    "growth.says.below": ("增值明显低于预期的有 {count} 个：{units}。", "Clearly below expected ({count}): {units}."),
    "growth.says.same": (
        "另有 {count} 个与预期没有明显差异。",
        "As expected, as far as can be told: {count}.",
    ),
    "growth.says.unknown": (
        "有 {count} 个前测匹配不足，不作判断。",
        "Too few pupils with an earlier score for a verdict: {count}.",
    ),
    "caterpillar": ("增值与 95% 区间", "Value added with intervals"),
    "caterpillar.note": (
        "由小到大排列只为读图；区间互相重叠的单位分不出高下，不是排名。",
        "In order of size for the eye only: units whose intervals overlap cannot be told apart.",
    ),
    "growth.arrows": ("从预期到实际", "From expected to reached"),
    "growth.arrows.note": (
        "空心点是按入口成绩预期的平均分，箭头指向实际水平，浅色带是 95% 区间。",
        "Open dot: expected from earlier scores; the arrow points to what was reached; the band is the 95% interval.",
    ),
    # --- balance and gaps
    "balance": ("校际均衡", "Balance between schools"),
    "balance.counties": ("各县区校际均衡", "Balance between schools, by county"),
    "balance.note": (
        "校际差异率 = 校间方差 ÷ 总方差；差异系数 = 学校平均分的标准差 ÷ 平均分（按人数加权）。数值越小越均衡；"
        "区间含标准时不作判断。",
        "Between-school share = variance between schools ÷ all variance; CV = sd of school means ÷ mean, weighted by "
        "pupils. The smaller the more balanced; no verdict where the interval holds the threshold.",
    ),
    "balance.icc": ("校际差异率", "Between-school share"),
    "balance.cv_weighted": ("差异系数", "CV"),
    "balance.range_ratio": ("极差率", "Range ratio"),
    "balance.gini": ("基尼系数", "Gini"),
    "balance.theil_between": ("泰尔指数（组间）", "Theil, between"),
    "balance.threshold": ("标准 {value}", "threshold {value}"),
    "balance.verdict": ("对照标准", "Against the threshold"),
    "balance.above": ("{measure}在标准以内", "{measure} within"),
    "balance.below": ("{measure}超过标准", "{measure} beyond"),
    "balance.same": ("{measure}不能判定", "{measure}: cannot be told"),
    "gaps": ("群体差异", "Gaps between groups"),
    "gaps.note": (
        "前一组减后一组的平均分之差；区间考虑了同校学生相似。效应量以学生标准差为单位，0.2 以下通常视为很小。",
        "Mean of the first group less the second; intervals allow for pupils of a school being alike. Effect in "
        "standard deviations: below 0.2 is small.",
    ),
    "gaps.groups": ("比较的两组", "Groups"),
    "gaps.pair": ("{group} − {reference}", "{group} − {reference}"),
    "gaps.difference": ("差（分）", "Gap"),
    "gaps.effect": ("效应量", "Effect"),
    "gaps.n": ("人数", "Pupils"),
    "gaps.says.above": (
        "{subject}：{group}比{reference}高 {gap} 分（95% 区间 {low} 至 {high}）。",
        "{subject}: {group} above {reference} by {gap} (95% interval {low} to {high}).",
    ),
    "gaps.says.below": (
        "{subject}：{group}比{reference}低 {gap} 分（95% 区间 {low} 至 {high}）。",
        "{subject}: {group} below {reference} by {gap} (95% interval {low} to {high}).",
    ),
    "gaps.says.none": ("各群体之间看不出明显差异。", "No clear gap between groups."),
    # --- papers
    "paper.open": ("试卷质量分析 →", "Quality of the paper →"),
    "paper.whole": ("试卷整体", "The paper as a whole"),
    "paper.blueprint": ("双向细目表达成情况", "Blueprint and results"),
    "paper.by": ("按{what}", "By {what}"),
    "paper.index": ("指标", "Index"),
    "paper.value": ("数值", "Value"),
    "paper.reading": ("怎么看", "How to read it"),
    "paper.reading.mean": ("实考学生的平均分", "of the pupils with a score"),
    "paper.reading.sd": ("总体标准差，越大分数拉得越开", "population kind: how far scores are apart"),
    "paper.reading.difficulty": (
        "平均得分率；选拔性考试常取 0.55—0.65，学业水平考试常取 0.70—0.85",
        "mean rate; 0.55–0.65 is usual for selection, 0.70–0.85 for qualification",
    ),
    "paper.reading.d27": (
        "各题区分度（高、低分组各 27%）按分值加权；0.40 以上优，0.30 以上良，0.20 以下宜修改",
        "items' D (top and bottom 27%) weighted by points; from 0.40 very good, 0.30 good, under 0.20 to be revised",
    ),
    "paper.reading.alpha": (
        "克龙巴赫 α；0.9 以上适合高利害考试，0.8 以上适合区域监测，0.7 以上适合班级测验",
        "Cronbach's alpha; from 0.9 for high stakes, 0.8 for a district, 0.7 for a class",
    ),
    "paper.reading.sem": (
        "同一学生重考，分数大约三分之二的可能在 ± 此值之内",
        "two thirds of repeated scores lie within ± this",
    ),
    "paper.omega_total": ("ω 系数", "Omega total"),
    "paper.reading.omega_total": ("按因子模型估计的信度", "reliability by a factor model"),
    "paper.lambda2": ("λ2 系数", "Guttman's lambda 2"),
    "paper.reading.lambda2": ("信度的下界，不低于 α", "a lower bound of reliability, at least alpha"),
    "paper.odd_even": ("分半信度（奇偶）", "Odd-even split half"),
    "paper.reading.odd_even": ("奇偶题分半，斯皮尔曼-布朗校正", "odd against even items, Spearman-Brown"),
    "difficulty": ("难度", "Difficulty"),
    "paper.says.fits": (
        "全卷难度 {rate}，在这一学段常用的 {low}—{high} 之内。",
        "Difficulty {rate}, within the {low}–{high} usual at this stage.",
    ),
    "paper.says.easier": (
        "全卷难度 {rate}，比这一学段常用的 {low}—{high} 容易。",
        "Difficulty {rate}: easier than the {low}–{high} usual at this stage.",
    ),
    "paper.says.harder": (
        "全卷难度 {rate}，比这一学段常用的 {low}—{high} 难。",
        "Difficulty {rate}: harder than the {low}–{high} usual at this stage.",
    ),
    "paper.says.alpha.high": (
        "信度 α = {alpha}，达到高利害考试的要求；单个学生的分数误差约 ±{sem} 分。",
        "Alpha {alpha}: good enough for high stakes; a single score is off by about ±{sem}.",
    ),
    "paper.says.alpha.good": (
        "信度 α = {alpha}，适合区域监测；单个学生的分数误差约 ±{sem} 分。",
        "Alpha {alpha}: good enough for a district; a single score is off by about ±{sem}.",
    ),
    "paper.says.alpha.fair": (
        "信度 α = {alpha}，只够班级测验；单个学生的分数误差约 ±{sem} 分，比较时要谨慎。",
        "Alpha {alpha}: good enough for a class only; a single score is off by about ±{sem}: compare with care.",
    ),
    "paper.says.alpha.low": (
        "信度 α = {alpha}，偏低；单个学生的分数误差约 ±{sem} 分，不宜据此区分学生。",
        "Alpha {alpha}: low; a single score is off by about ±{sem}: not fit to tell pupils apart.",
    ),
    "paper.says.items": (
        "{all} 道题中有 {good} 道区分度在 0.30 以上。",
        "Of {all} items, {good} have a discrimination of 0.30 or more.",
    ),
    "paper.says.poor": (
        "区分度低于 0.20 的有 {count} 道：第 {items} 题，宜复核或修改。",
        "Under 0.20 ({count}): items {items}; check or revise.",
    ),
    "paper.says.off": (
        "实际得分率与预估相差 15 个百分点以上的有 {count} 道：第 {items} 题。",
        "At least 15 points of % off the expected rate ({count}): items {items}.",
    ),
    "paper.band": ("等级", "Band"),
    "paper.bands": ("难度与区分度的分布", "Items by difficulty and discrimination"),
    "paper.points": ("分值", "Points"),
    "paper.share": ("分值占比", "Share of points"),
    "paper.which": ("题号", "Items"),
    "band.easy": ("易（≥0.86）", "easy (≥0.86)"),
    "band.fairly_easy": ("较易（0.73—0.85）", "fairly easy (0.73–0.85)"),
    "band.medium": ("中等（0.38—0.72）", "medium (0.38–0.72)"),
    "band.fairly_hard": ("较难（0.15—0.37）", "fairly hard (0.15–0.37)"),
    "band.hard": ("难（<0.15）", "hard (<0.15)"),
    "band.quality": ("区分度：{quality}", "discrimination: {quality}"),
    "options.note": (
        "低分组、中间组、高分组按总分分（27% / 46% / 27%）。红色：错误选项与其余题总分正相关，先核对答案。",
        "Groups by total (27% / 46% / 27%). Red: a wrong answer that goes with high scores; check the key first.",
    ),
    "dif": ("项目功能差异（DIF）", "Differential item functioning"),
    "dif.note": (
        "总分相同的两组学生在某题上得分不同，才叫功能差异；B 有一些，C 较大，需看题目内容。",
        "Pupils of equal total score but of two groups differ on an item: B some, C large; look at the item.",
    ),
    "dif.none": (
        "检查了 {count} 个题组对，没有发现对某一组明显有利的题。",
        "Of {count} comparisons none favours a group to speak of.",
    ),
    "dif.some": (
        "有 {count} 题次对某一组有利，需看题目内容。",
        "{count} comparisons favour a group: look at the items.",
    ),
    "dif.groups": ("比较的两组", "Groups"),
    "dif.difference": ("得分率差（百分点）", "Difference (points of %)"),
    "dif.delta": ("Δ 值（MH）", "MH D-DIF"),
    "dif.p": ("p 值", "p"),
    "dif.ets": ("等级", "Class"),
    "dif.favours": ("有利于", "Favours"),
    "section": ("大题", "section"),
    "ability": ("能力层次", "ability"),
    # --- S-P
    "sp": ("S-P 表", "S-P chart"),
    "sp.note": (
        "学生按得分从上到下，题目按答对人数从左到右；浅蓝为答对，浅黄为空白。两条曲线越接近，作答越合常理。"
        "多分值题得 60% 及以上算答对。",
        "Pupils by score from the top, items by number right from the left; blue: right, yellow: blank. The closer the "
        "curves, the more regular the answers. An item of several points counts as right from 60% on.",
    ),
    "sp.s": ("S 曲线（学生）", "S curve (pupils)"),
    "sp.p": ("P 曲线（题目）", "P curve (items)"),
    "sp.pupils": ("学生", "Pupils"),
    "sp.items": ("题目（由易到难）", "Items, the easiest first"),
    "sp.right": ("答对题数", "Right"),
    "sp.caution": ("注意系数", "Caution index"),
    "sp.sign": ("类型", "Type"),
    "sp.odd": (
        "作答与得分不相称（注意系数 ≥ 0.5）的有 {count} 人，列出最高的 {shown} 人",
        "Answers that do not fit the score (caution index ≥ 0.5): {count}, of these the {shown} highest",
    ),
    "sp.none": ("没有注意系数达到 0.5 的学生。", "No pupil has a caution index of 0.5 or more."),
    "sp.disparity": (
        "差异系数 D* = {value}（0 为完全一致，1 相当于随机）。",
        "Disparity D* = {value} (0 perfect, 1 chance).",
    ),
}
