"""Every fixed text of the reports, in Chinese and English. Data (names, knowledge points, stems) stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import UsageError
from report.monitoring_words import TEXTS as MONITORING
from report.research_words import TEXTS as RESEARCH

LANGUAGES = ("zh", "en")

TEXTS: dict[str, tuple[str, str]] = {
    # --- page furniture
    "lang": ("zh-CN", "en"),
    "list.join": ("、", ", "),
    "quote": ("「{text}」", "“{text}”"),
    "none": ("无", "None"),
    "overview": ("考试总览", "Exam overview"),
    "report.exam": ("考试分析报告", "Exam report"),
    "report.school": ("学校分析报告", "School report"),
    "report.class": ("班级讲评报告", "Class report"),
    "report.pupil": ("学情反馈单", "Feedback for the pupil"),
    "report.exceptions": ("待人工处理清单", "For a person to look at"),
    "internal": (
        "供教师和教研人员使用，含学生个人信息，请勿外传。",
        "For teachers only: holds personal data of pupils.",
    ),
    "private": ("仅供学生本人和家长阅读。", "For the pupil and the family only."),
    "stage": ("学段", "Stage"),
    "stage.primary": ("小学", "Primary school"),
    "stage.junior": ("初中", "Junior high school"),
    "stage.senior": ("高中", "Senior high school"),
    "schools": ("学校", "Schools"),
    "school": ("学校", "School"),
    "classes": ("班级", "Classes"),
    "class": ("班级", "Class"),
    "pupils": ("学生", "Pupils"),
    "pupil": ("姓名", "Name"),
    "student_id": ("学号", "Student ID"),
    "subject": ("科目", "Subject"),
    "all": ("全体", "All"),
    "this_school": ("本校", "School"),
    "this_class": ("本班", "Class"),
    "xlsx": ("小题分表（XLSX）", "Item scores (XLSX)"),
    # --- accounts
    "accounts": ("对账", "Accounts"),
    "accounts.note": (
        "进来多少，去向多少：左右相等，才算没有遗漏。",
        "What came in and where it went: nothing is lost when both sides agree.",
    ),
    "account": ("账目", "Account"),
    "account.lines": ("明细", "Lines"),
    "account.result": ("结果", "Result"),
    "account.pages": ("扫描页", "Pages"),
    "account.pupils": ("考生", "Pupils"),
    "account.balanced": ("平衡", "balanced"),
    "account.off": ("差 {count}", "off by {count}"),
    "line.in": ("扫描", "In"),
    "line.registered": ("报名", "Entered"),
    "line.set_aside": ("搁置", "Set aside"),
    "line.read": ("已读", "Read"),
    "line.exception": ("异常", "Exceptions"),
    "line.absent": ("缺考", "Absent"),
    "line.missing": ("缺卷", "No sheet"),
    "account.violation": ("其中违纪 {count}", "of these, violation {count}"),
    "account.incomplete": ("其中待定 {count}", "of these, pending {count}"),
    "account.turned": ("其中倒置 {count}（已自动转正）", "of these, turned {count} (put right)"),
    "status.read": ("已考", "present"),
    "status.absent": ("缺考", "absent"),
    "status.missing": ("缺卷", "no sheet"),
    "status.violation": ("违纪", "violation"),
    "status.incomplete": ("待定", "pending"),
    "status.none": ("未报考", "not entered"),
    # --- key figures
    "figures": ("主要指标", "Key figures"),
    "figures.note": (
        "平均分、标准差和各率均以实考人数为分母（不含缺考、缺卷、违纪、待定）；标准差为总体标准差。分数线按满分比例："
        "优秀\u00a0≥\u00a0{excellent}，良好\u00a0≥\u00a0{good}，及格\u00a0≥\u00a0{passing}，低分\u00a0<\u00a0{low}。",
        "Means, standard deviations and shares are over pupils with a score (absent, missing, violation and pending "
        "left out); "
        "the standard deviation is the population kind. Lines as shares of the full mark: "
        "excellent\u00a0≥\u00a0{excellent}, good\u00a0≥\u00a0{good}, passing\u00a0≥\u00a0{passing}, "
        "low\u00a0<\u00a0{low}.",
    ),
    "full": ("满分", "Full mark"),
    "registered": ("报名", "Entered"),
    "n": ("实考", "Scored"),
    "mean": ("平均分", "Mean"),
    "rate": ("得分率", "Rate"),
    "sd": ("标准差", "SD"),
    "median": ("中位数", "Median"),
    "highest": ("最高", "Highest"),
    "lowest": ("最低", "Lowest"),
    "excellent": ("优秀率", "Excellent"),
    "good": ("良好率", "Good"),
    "passing": ("及格率", "Passing"),
    "low": ("低分率", "Low"),
    "alpha": ("信度 α", "Alpha"),
    "sem": ("测量误差", "SEM"),
    "d27": ("区分度", "Discrimination"),
    "scope": ("范围", "Group"),
    "summary": ("要点", "In short"),
    "distribution": ("分数分布", "Score distribution"),
    "chart.score": ("分数", "Score"),
    "chart.share": ("人数占比（%）", "Share of pupils (%)"),
    "chart.mean": ("平均 {mean}", "mean {mean}"),
    "chart.passing": ("及格线", "passing"),
    "chart.excellent": ("优秀线", "excellent"),
    # --- comparison
    "compare.schools": ("学校比较", "Schools compared"),
    "compare.classes": ("班级比较", "Classes compared"),
    "compare.note": (
        "横线是平均分的 95% 区间。“高于/低于”只在区间不含参照平均分时给出；其余差异可能只是偶然。按名称排列，"
        "不是排名。",
        "Bars are 95% intervals of the mean. Above or below is said only if the interval leaves out the "
        "reference mean; "
        "other differences may be chance. In order of name, not a ranking.",
    ),
    "gap": ("与全体之差", "Gap to all"),
    "verdict": ("判断", "Verdict"),
    "verdict.above": ("高于", "above"),
    "verdict.below": ("低于", "below"),
    "verdict.same": ("相近", "no clear difference"),
    "verdict.unknown": ("人数太少", "too few"),
    "sentence.above": (
        "{unit}实考 {n} 人，平均 {mean} 分，比全体平均 {reference} 分高 {gap} 分（95% 区间 {low} 至 {high}），"
        "差异明显。",
        "{unit}: {n} pupils scored, mean {mean}, {gap} above the mean of all, {reference} (95% interval {low} to "
        "{high}): a clear difference.",
    ),
    "sentence.below": (
        "{unit}实考 {n} 人，平均 {mean} 分，比全体平均 {reference} 分低 {gap} 分（95% 区间 {low} 至 {high}），"
        "差异明显。",
        "{unit}: {n} pupils scored, mean {mean}, {gap} below the mean of all, {reference} (95% interval {low} to "
        "{high}): a clear difference.",
    ),
    "sentence.same": (
        "{unit}实考 {n} 人，平均 {mean} 分，全体平均 {reference} 分，差值的 95% 区间为 {low} 至 {high}："
        "看不出明显差异。",
        "{unit}: {n} pupils scored, mean {mean}, mean of all {reference}; 95% interval of the gap {low} to {high}: "
        "no clear difference.",
    ),
    "sentence.items": (
        "有 {count} 道题明显低于全体：第 {items} 题。",
        "Items clearly below all pupils ({count}): {items}.",
    ),
    "sentence.no_items": ("没有明显低于全体的题目。", "No item is clearly below all pupils."),
    "sentence.weak": ("薄弱知识点：{points}。", "Weak knowledge points: {points}."),
    "sentence.no_weak": ("没有证据充分的薄弱知识点。", "No weak knowledge point on enough evidence."),
    "sentence.attention": ("有 {count} 名学生需要关注。", "Pupils who need a look: {count}."),
    "sentence.unknown": (
        "{unit}实考 {n} 人，人数太少，不作比较。",
        "{unit}: {n} pupils scored, too few to compare.",
    ),
    # --- items
    "items": ("小题分析", "Items"),
    "items.note": (
        "得分率 = 平均得分 ÷ 满分；题余相关为该题与其余题总分的相关；区分度为高、低分组（各 27%）得分率之差。",
        "Rate = mean points ÷ full mark; item-rest: correlation with the total less the item; discrimination: "
        "difference of "
        "the rates of the top and bottom 27%.",
    ),
    "item": ("题号", "Item"),
    "item.name": ("第 {item} 题", "Item {item}"),
    "item.map": ("难度与区分度", "Difficulty and discrimination"),
    "item.map.note": (
        "一点一题。区分度 0.2 以下的题标出题号。",
        "A point an item; items under 0.2 carry their number.",
    ),
    "type": ("题型", "Type"),
    "type.single": ("单选", "single"),
    "type.multiple": ("多选", "multiple"),
    "type.number": ("填数", "number"),
    "type.constructed": ("主观", "constructed"),
    "key": ("答案", "Key"),
    "knowledge": ("知识点", "Knowledge point"),
    "blank": ("空白", "Blank"),
    "blank.rate": ("空白率", "Blank"),
    "expected": ("预估", "Expected"),
    "r_rest": ("题余相关", "Item-rest"),
    "quality": ("评价", "Quality"),
    "quality.very_good": ("优", "very good"),
    "quality.good": ("良", "good"),
    "quality.fair": ("可", "fair"),
    "quality.poor": ("差", "poor"),
    "suspicious": ("需复核的题目", "Items to check"),
    "suspicious.none": ("没有触发预警的题目。", "No item raised an alert."),
    "suspicious.note": (
        "先核对答案和评分规则，再讨论题目本身。",
        "Check key and marking rule first, then the item itself.",
    ),
    "alert": ("预警", "Alert"),
    "option": ("选项", "Answer"),
    "options": ("选项分布", "Answers given"),
    "count": ("人数", "Pupils"),
    "share": ("占比", "Share"),
    "share.low": ("低分组", "Bottom 27%"),
    "share.mid": ("中间组", "Middle"),
    "share.high": ("高分组", "Top 27%"),
    "mean_total": ("总分平均", "Mean total"),
    "answer.blank": ("未作答", "blank"),
    "answer.other": ("其他", "other"),
    "answer.unmarked": ("缺分数", "no points yet"),
    "answer.zero": ("0 分", "0 points"),
    "answer.partial": ("部分得分", "part"),
    "answer.full": ("满分", "full"),
    # --- knowledge
    "knowledge.title": ("知识点", "Knowledge points"),
    "knowledge.note": (
        "横条是得分率，细线是 {confidence} 置信区间，竖线是参照（{reference}）。题数少的知识点区间宽，只能当线索。",
        "Bars are rates, the thin line is the {confidence} interval, the tick is the reference ({reference}). "
        "Points with few items have wide intervals: a hint, no more.",
    ),
    "knowledge.matrix": ("知识点 × {unit}（得分率 %）", "Knowledge points by {unit} (rate, %)"),
    "knowledge.matrix.note": (
        "带底色的格子是判定的薄弱点（证据足够且明显低于参照）。",
        "Shaded: weak, on enough evidence and clearly below the reference.",
    ),
    "items.count": ("{count} 题", "{count} items"),
    "items.one": ("1 题", "1 item"),
    "items.n": ("题数", "Items"),
    "reference": ("参照", "Reference"),
    "evidence": ("证据", "Evidence"),
    "evidence.enough": ("充分", "enough"),
    "evidence.few items": ("题目少", "few items"),
    "evidence.few points": ("分值少", "few points"),
    "evidence.not presented": ("未考查", "not presented"),
    # --- exceptions
    "exceptions": ("异常与疑似", "Exceptions and doubtful marks"),
    "exceptions.none": ("没有需要人工处理的事项。", "Nothing for a person to do."),
    "exceptions.all": ("打开完整清单", "Open the full list"),
    "exceptions.note": (
        "机器不猜：下列各项等人确认，确认前分数可能变动。",
        "The machine does not guess: these wait for a person, and scores may change.",
    ),
    "exceptions.more": (
        "共 {count} 项，这里列出前 {shown} 项；全部见 out/exceptions.csv。",
        "The first {shown} of {count}; all of them are in out/exceptions.csv.",
    ),
    "kind": ("类别", "Kind"),
    "kind.page": ("页面", "page"),
    "kind.field": ("填涂", "mark"),
    "kind.pupil": ("考生", "pupil"),
    "kind.batch": ("批次", "batch"),
    "reason": ("原因", "Reason"),
    "detail": ("说明", "Detail"),
    "where": ("位置", "Where"),
    "where.page": ("{file} 第 {page} 页", "{file}, page {page}"),
    "field": ("栏目", "Field"),
    "field.candidate": ("考号", "candidate number"),
    "field.absent": ("缺考标记", "absent mark"),
    "field.violation": ("违纪标记", "violation mark"),
    "field.form": ("卷型", "form"),
    "reason.unknown_candidate": ("考号不存在", "no such candidate"),
    "mend.unknown_candidate": ("对照名单改正考号", "correct the number by the roster"),
    "reason.number_incomplete": ("考号多涂或漏涂", "number incomplete"),
    "mend.number_incomplete": ("看原卡补全考号", "complete the number from the sheet"),
    "reason.identity_conflict": ("条码与考号不一致", "barcode and number differ"),
    "mend.identity_conflict": ("看原卡确认是谁的卷", "see from the sheet whose it is"),
    "reason.no_identity": ("无法确定考生", "nobody's sheet"),
    "mend.no_identity": ("看原卡确认是谁的卷", "see from the sheet whose it is"),
    "reason.duplicate": ("考号重复", "two sheets, one number"),
    "mend.duplicate": ("其中一份可能是别人的卷，看原卡改正考号", "one may be another pupil's: correct its number"),
    "reason.duplicate_same": ("重复扫描", "scanned twice"),
    "mend.duplicate_same": ("内容相同，已取第一份；确认即可", "equal; the first counts: just confirm"),
    "reason.wrong_room": ("考场不符", "sheet of another room"),
    "mend.wrong_room": (
        "看原卡确认是谁的卷：装错袋、贴错条码或填错考号",
        "see whose it is: wrong bag, swapped code or wrong number",
    ),
    "reason.one_sided": ("连续只有一面", "one side only, many in a row"),
    "mend.one_sided": ("两面重新扫描", "scan both sides again"),
    "reason.double_feed": ("疑似双张", "two sheets fed together"),
    "mend.double_feed": ("找到这两份卷重新扫描", "find both sheets and scan them again"),
    "reason.no_sheet": ("没有答题卡也没有缺考标记", "no sheet and no absent mark"),
    "reason.not_chosen": ("未选考该科却有作答", "answers in a subject not chosen"),
    "mend.not_chosen": (
        "核对选科名单，或改正答题卡归属",
        "check the choices in the roster, or correct whose sheet it is",
    ),
    "mend.no_sheet": ("找到答题卡补扫，或补登缺考", "find and scan the sheet, or record the absence"),
    "reason.page_missing": ("缺页", "a side is missing"),
    "mend.page_missing": ("找到缺的一面补扫", "find and scan the missing side"),
    "reason.absent_with_answers": ("缺考标记与作答矛盾", "marked absent, but answered"),
    "mend.absent_with_answers": (
        "查考场记录，改正缺考标记或作答",
        "correct the mark or the answers by the room's record",
    ),
    "reason.form_unknown": ("试卷类型（A/B）不明", "form A or B unknown"),
    "mend.form_unknown": ("看试卷或座位确认类型", "see from the paper or the seat"),
    "reason.form_conflict": ("试卷类型（A/B）矛盾", "form A or B contradicted"),
    "mend.form_conflict": ("看试卷、条码和座位确认类型", "see from the paper, the barcode and the seat"),
    "reason.mark_missing": ("缺主观题分数", "points missing"),
    "mend.mark_missing": ("补登分数，或将该题作废", "enter the points, or withdraw the item"),
    "reason.mark_conflict": ("两处主观题分数不一致", "two different points"),
    "mend.mark_conflict": ("核对后改正其中一处", "check and correct one of them"),
    "reason.mark_impossible": ("主观题分数超出范围", "impossible points"),
    "mend.mark_impossible": ("看原卡改正", "correct it from the sheet"),
    "reason.no_field": ("答题卡上没有这道题", "no field for the item"),
    "mend.no_field": ("检查答题卡版式与双向细目表", "check the layout against the blueprint"),
    "reason.unclear_choice": ("选做题号不明", "unclear which item was chosen"),
    "mend.unclear_choice": ("看原卡确认选做的是哪一题", "see from the sheet which item was chosen"),
    "alert.void": ("已作废", "withdrawn"),
    "alert.key suspect": ("答案可疑", "key suspect"),
    "alert.negative discrimination": ("区分度为负", "negative discrimination"),
    "alert.too easy": ("过易", "too easy"),
    "alert.too hard": ("过难", "too hard"),
    "number": ("数量", "Number"),
    "lower.items": ("明显低于全体的题目", "Items clearly below all pupils"),
    "lower.items.note": (
        "得分率比全体低 5 个百分点以上，且 95% 区间不含全体得分率；差距最大的在前，最多 {count} 题。差值单位为百分点。",
        "At least 5 percentage points below all pupils, and the 95% interval leaves out their rate; largest gap "
        "first, "
        "{count} at most. The gap is in percentage points.",
    ),
    # --- class
    "focus": ("讲评重点", "To go through in class"),
    "focus.note": (
        "先列明显低于全体的题，再列得分率最低的题，最多 {count} 题。姓名仅供教师备课。",
        "Items clearly below all pupils first, then those with the lowest rate, {count} at most. Names are for the "
        "teacher only.",
    ),
    "focus.none": (
        "没有得分率低于 60% 的题，也没有明显低于全体的题。",
        "No item under 60% and none clearly below all pupils.",
    ),
    "lower": ("明显偏低", "clearly low"),
    "class.items": ("各题得分率", "Rate of each item"),
    "class.three": ("本班 / 本校 / 全体", "Class / school / all"),
    "sentence.join": ("；", "; "),
    "class.items.note": ("点开一题，看谁选了哪个错误选项。", "Open an item to see who chose which wrong answer."),
    "groups": ("分层教学建议", "Teaching groups"),
    "groups.note": (
        "按知识点表现聚类，是备课的起点，不是给学生的标签；组序从需要帮助最多的开始。",
        "Clustered by knowledge points: a start for planning, not a label for pupils; those who need most help come "
        "first.",
    ),
    "groups.none": ("人数或证据不足，未分组。", "Too few pupils or too little evidence for groups."),
    "group": ("第 {group} 组", "Group {group}"),
    "group.size": ("{count} 人", "n = {count}"),
    "group.focus": ("重点", "Focus"),
    "attention": ("需要关注的学生", "Pupils who need a look"),
    "attention.none": ("没有需要特别关注的情况。", "Nobody stands out."),
    "attention.low": ("得分率低于 {line}", "rate below {line}"),
    "attention.blank": ("{count} 题未作答", "items left blank: {count}"),
    "attention.easy": ("基础题失分：第 {items} 题", "lost points on easy items: {items}"),
    "attention.weak": ("{count} 个知识点薄弱：{points}", "weak points ({count}): {points}"),
    "attention.doubt": ("{count} 处填涂待确认", "marks waiting for a person: {count}"),
    "members": ("学生一览", "Pupils"),
    "members.note": (
        "按学号排列。分数供教师使用，不公布、不排名。",
        "In order of student ID. Scores are for the teacher: not to be published or ranked.",
    ),
    "members.note.grades": ("按学号排列，只列等第。", "In order of student ID; grades only."),
    "grade": ("等级", "Grade"),
    # --- pupil
    "grade.excellent": ("优秀", "Excellent"),
    "grade.good": ("良好", "Good"),
    "grade.passing": ("合格", "Passing"),
    "grade.improve": ("待提高", "To improve"),
    "pupil.score": ("{points} 分", "{points}"),
    "pupil.of": ("满分 {full}", "of {full}"),
    "pupil.error": (
        "同样水平再考一次，大约三分之二的可能落在 {low}—{high} 分之间。",
        "On another such paper the score would lie between {low} and {high} about two times in three.",
    ),
    "pupil.absent": ("这一科没有参加考试，没有成绩。", "Not present at the exam in this subject."),
    "pupil.missing": (
        "没有找到这一科的答题卡，请与任课老师联系核对。",
        "The answer sheet of this subject was not found: please ask the teacher.",
    ),
    "pupil.void": ("这一科不计分。", "This subject is not counted."),
    "pupil.violation": ("这一科的成绩请向学校了解。", "Please ask the school about this subject."),
    "pupil.incomplete": ("总分待定：{what}。", "Total pending: {what}."),
    "pupil.incomplete.items": ("第 {items} 题的得分还没有确定", "points of item {items} not known yet"),
    "pupil.incomplete.some": ("学校正在核实", "the school is still checking"),
    "pupil.doubt": (
        "有 {count} 处填涂还在人工确认，结果可能会有小的变化。",
        "Marks still being checked by hand: {count}. The result may change a little.",
    ),
    "pupil.open": (
        "这一科还有事项待学校核实，结果可能会有变化。",
        "The school is still checking something in this subject: the result may change.",
    ),
    "say.strong": ("{points}掌握得比较扎实，继续保持。", "{points}: firmly in hand. Keep it up."),
    "say.weak": ("{points}还没有站稳，下一步先从这里练起。", "{points}: not yet secure. Start practising here."),
    "say.blank": (
        "有 {count} 道题没有作答（第 {items} 题）。下次先写下想到的第一步，也会有收获。",
        "Left blank ({count}): {items}. Write down the first step next time: it counts.",
    ),
    "say.partial": (
        "有 {count} 道题已经拿到一部分（第 {items} 题），再往前一步就是全对。",
        "Partly right ({count}): {items}. One more step and they are done.",
    ),
    "say.least": (
        "相对来说，「{point}」得分少一些（约 {rate}），可以先练这里。",
        "“{point}” gained least (about {rate}): a good place to start.",
    ),
    "say.even": ("各知识点之间看不出明显的强弱差别。", "No clear difference between knowledge points."),
    "say.thin": (
        "每个知识点考到的题不多，下面的图只能当作线索。",
        "Few items on each knowledge point: take the bars as hints.",
    ),
    "answers": ("逐题对照", "Item by item"),
    "answers.note": (
        "✓ 全对 ◐ 部分 × 未得分 ○ 未作答 … 待评",
        "✓ right ◐ part × no points ○ blank … not marked yet",
    ),
    "answers.form": ("题号和选项同 {form} 卷。", "Items and options as on form {form}."),
    "answers.key": ("答案 {key}", "key {key}"),
    "answers.void": ("不计分", "not counted"),
    "map": ("知识地图", "Knowledge map"),
    "map.note": (
        "横条是你在这个知识点上得分的大致比例，细线表示这个比例可能的范围：题目越少，范围越宽。",
        "Bars show about how much of each point you got; the thin line shows how sure that is: fewer items, wider "
        "line.",
    ),
    "map.about": ("约 {rate}", "about {rate}"),
    "map.strong": ("较扎实", "firm"),
    "map.weak": ("先练这里", "practise first"),
    "map.middle": ("继续巩固", "keep going"),
    "map.thin": ("题少", "few items"),
    "practice": ("下一步练什么", "What to practise next"),
    "practice.chance": ("预计把握 {rate}", "expected success {rate}"),
    "why.weak": ("现在约 {rate}，先把它补上", "now about {rate}: build this up first"),
    "why.thin": ("这次考得少，先试一题看看", "seldom asked this time: try one"),
    "why.middle": ("现在约 {rate}，再往上走一步", "now about {rate}: one step up"),
    "why.strong": ("现在约 {rate}，试试有挑战的题", "now about {rate}: something to stretch you"),
    "practice.question": ("题号 {question}", "question {question}"),
    # --- lecture
    "report.lecture": ("讲评课教案", "Lesson plan"),
    "lecture.summary": (
        "有成绩的学生 {n} 人。失分多或明显低于全体的题共 {told} 道，本节课（{minutes} 分钟）讲其中 {items} 道。",
        "{n} pupils have a score. Items that many lost points on, or clearly below all pupils: {told}; this lesson "
        "({minutes} min) goes through {items} of them.",
    ),
    "lecture.none": (
        "这一科没有需要全班讲评的题：没有一题失分的人和失去的分都达到 {lost}，也没有一题明显低于全体。"
        "发卷后让学生自己订正即可。",
        "Nothing to go through with the whole class: on no item did {lost} lose points, and {lost} of the points, and "
        "none is clearly below all pupils. Let the pupils correct their own papers.",
    ),
    "lecture.few": (
        "有成绩的学生只有 {n} 人，不编全班教案，请看每个学生的学情反馈单。",
        "Only {n} pupils have a score: no plan for a class; please see each pupil's feedback.",
    ),
    "lecture.total_alone": (
        "这一科只有总分，没有小题得分，编不出讲评课。",
        "Only the totals are known in this subject, no points of items: there is nothing to plan a lesson from.",
    ),
    "lecture.rule": (
        "选题：失分的人和失去的分都达到 {lost} 的题，以及得分率比全体低 {gap} 个百分点以上、不像是偶然的题。"
        "排序：全班失分合计多的在前，明显低于全体的优先；同一知识点一起讲，打基础的知识点先讲。姓名仅供教师备课。",
        "Chosen: items that {lost} of the class lost points on, and {lost} of the points, and items at least {gap} "
        "percentage points below all pupils by more than chance. Order: by the points the class lost, items clearly "
        "below all pupils first; one topic together, foundations first. Names are for the teacher only.",
    ),
    "lecture.plan": ("本课安排", "Plan of the lesson"),
    "lecture.time": ("{start}—{end} 分", "{start}–{end} min"),
    "lecture.step.topic": ("讲「{topic}」：第 {items} 题", "“{topic}”: items {items}"),
    "lecture.step.item": ("讲第 {items} 题", "Item {items}"),
    "lecture.step.variant": ("变式练习「{topic}」", "Variants on “{topic}”"),
    "lecture.step.spare": ("机动、答疑", "Spare time, questions"),
    "lecture.step.exit": ("下课小测", "Exit ticket"),
    "lecture.about": ("约 {minutes} 分钟", "about {minutes} min"),
    "lecture.form": ("{form} 卷 {text}", "form {form}: {text}"),
    "lecture.form.item": ("{form} 卷第 {text} 题", "form {form}: item {text}"),
    "lecture.also": ("{text}（{other}）", "{text} ({other})"),
    "lecture.chain": ("学习顺序：{chain}。", "In the order to learn: {chain}."),
    "lecture.shaky": (
        "本班在「{points}」上也偏弱，先花一两分钟回顾。",
        "The class is weak at “{points}”, too: go back to it for a minute first.",
    ),
    "lecture.lost": (
        "{n} 人中 {lost} 人失分，平均失 {each} 分（满分 {full} 分）",
        "{lost} of {n} lost points, {each} on average (of {full})",
    ),
    "lecture.rates": ("得分率 {rate}，全体 {reference}", "rate {rate}, all {reference}"),
    "lecture.given": ("{count} 人，占 {share}；全体 {reference}", "n = {count}, {share}; all {reference}"),
    "lecture.more": ("本班偏多", "more than elsewhere"),
    "lecture.misconception": ("可能的想法：{text}", "What may lie behind it: {text}"),
    "lecture.others": ("其他错答", "Other wrong answers"),
    "lecture.variant": ("变式练习", "Variants"),
    "lecture.use.easier": ("还没掌握的同学先做（稍易）", "For those who have not got it yet (a bit easier)"),
    "lecture.use.harder": ("已经掌握的同学做（稍难）", "For those who have (a bit harder)"),
    "lecture.use.all": ("全班一起做", "For everybody"),
    "lecture.expected": ("全体预计得分率 {rate}", "expected rate of all {rate}"),
    "lecture.exit.note": (
        "独立完成，收上来看今天讲的是不是真懂了；做错的同学课后再找。",
        "Each alone; collect them, and see those who still went wrong.",
    ),
    "lecture.redo": ("合上卷子，重做第 {item} 题。", "With the paper closed, do item {item} again."),
    "lecture.left": ("没有排进课堂的题", "Items the lesson has no time for"),
    "lecture.left.note": (
        "也有不少人失分，课上来不及讲：发答案自己订正，或在小组里互相讲。最多列 {count} 题。",
        "Many lost points on these, too: hand out the answers, or let pupils explain them to each other. {count} items "
        "at most.",
    ),
    "lecture.left.more": ("另有 {count} 题未列出。", "{count} more are not listed."),
    "lecture.lost.count": ("失分人数", "Lost points"),
    "answer.under_half": ("得分不到一半", "under half of the points"),
    "answer.over_half": ("得分过半，未满分", "half of the points or more"),
    # --- spreadsheet
    "sheet.full": ("满分", "Full mark"),
    "sheet.key": ("答案", "Key"),
    "sheet.rate": ("得分率（本校）", "Rate (school)"),
    "sheet.all": ("得分率（全体）", "Rate (all)"),
    "sheet.status": ("状态", "Status"),
    "sheet.total": ("总分", "Total"),
    "sheet.class_mean": ("班级平均", "Class mean"),
    "sheet.school_mean": ("全校平均", "School mean"),
}
TEXTS |= MONITORING | RESEARCH


@dataclass(frozen=True)
class Words:
    """The texts in one language: `t("items.count", count=3)`."""

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise UsageError(f"no reports in language {self.language!r}", mend=f"take one of {', '.join(LANGUAGES)}")

    def __call__(self, key: str, /, **values: object) -> str:
        """The text `key`, its {placeholders} filled in."""
        text = TEXTS[key][LANGUAGES.index(self.language)]
        return text.format(**values) if values else text

    def code(self, kind: str, code: str | None) -> str:
        """The text for a code found in a table (`kind.code`), or the code itself if it has none."""
        return self(f"{kind}.{code}") if f"{kind}.{code}" in TEXTS else code or ""

    def join(self, parts: list[str]) -> str:
        """A list in words."""
        return self("list.join").join(parts)
