"""Practice questions of the demo's English: (expected rate, stem, right answer, wrong ones, explanation)."""

from __future__ import annotations

Question = tuple[float, str, str, tuple[str, ...], str]

WALK = (
    "Tom walks to school every day because the bus is often late. On Fridays he leaves home ten minutes earlier to "
    "feed the school rabbits, and his sister waits for him at the gate."
)
MUSEUM = (
    "The museum opens at nine, but the line already reaches the corner by eight. Nobody complains: the tickets are "
    "free on the first Sunday, and a band plays for those who wait."
)
FARM = (
    "When the river rose, the farmers moved the cows uphill and left the boats untied. The next morning every boat was "
    "still there, filled with apples that the water had carried down from the orchards."
)

ENGLISH: dict[str, tuple[Question, ...]] = {
    "词汇辨析": (
        (0.80, "The news had a great ____ on all of us.", "effect",
            ("affect", "effort", "offer"), "have an effect on 对……有影响。"),
        (0.70, "Please ____ your hand if you know the answer.", "raise",
            ("rise", "arise", "rouse"), "raise 是及物动词。"),
        (0.65, "He ____ to have seen the film before.", "seems",
            ("looks", "sounds", "feels"), "seem to have done 好像已经。"),
        (0.60, "The bridge is strong enough to ____ heavy trucks.", "bear",
            ("wear", "share", "tear"), "bear 承受重量。"),
        (0.50, "Her success is due to hard work ____ luck.", "rather than",
            ("other than", "more or less", "less than"), "rather than 而不是。"),
        (0.40, "The committee ____ of twelve teachers.", "consists",
            ("composes", "includes", "contains"), "consist of 由……组成，不用被动。"),
    ),
    "时态语态": (
        (0.80, "Look! The children ____ kites on the square.", "are flying",
            ("fly", "flew", "have flown"), "Look 提示正在进行。"),
        (0.70, "By the end of last term we ____ 800 new words.", "had learned",
            ("learned", "have learned", "would learn"), "by + 过去时间，用过去完成时。"),
        (0.65, "The new library ____ next month.", "will be opened",
            ("will open by", "is opened", "was opened"), "将来发生，且是被动。"),
        (0.55, "I ____ here since I left school.", "have worked",
            ("worked", "work", "had worked"), "since 引出起点，用现在完成时。"),
        (0.50, "This kind of cloth ____ easily.", "washes",
            ("is washed", "washed", "has washed"), "表示性质的动词用主动表被动。"),
        (0.40, "If it ____ tomorrow, the match will be put off.", "rains",
            ("will rain", "rained", "would rain"), "条件从句用一般现在时表示将来。"),
    ),
    "非谓语动词": (
        (0.75, "____ from the hill, the lakes look like mirrors.", "Seen",
            ("Seeing", "To see", "Having seen"), "lakes 与 see 是被动关系。"),
        (0.65, "I look forward to ____ from you.", "hearing",
            ("hear", "be heard", "have heard"), "to 是介词，后接动名词。"),
        (0.60, "He was the first ____ the classroom.", "to enter",
            ("entering", "entered", "enters"), "the first 后用不定式。"),
        (0.50, "The problem ____ at the meeting is important.", "being discussed",
            ("discussing", "discussed by", "to discuss"), "正在被讨论。"),
        (0.45, "____ his homework, the boy went out to play.", "Having finished",
            ("Finished", "To finish", "Being finished"), "先完成，再出去。"),
        (0.40, "She regretted ____ the truth so late.", "having told",
            ("to tell", "told", "to be told"), "regret doing 后悔做过。"),
    ),
    "定语从句": (
        (0.75, "I visited the school ____ my father had worked.", "where",
            ("which", "that", "when"), "先行词表地点，从句缺状语。"),
        (0.65, "This is the only book ____ I bought last week.", "that",
            ("which", "what", "who"), "先行词有 the only，用 that。"),
        (0.60, "He passed the exam, ____ surprised everybody.", "which",
            ("that", "it", "what"), "非限制性从句，指代整句话。"),
        (0.55, "The boy ____ parents work abroad lives with us.", "whose",
            ("who", "whom", "which"), "与 parents 是所属关系。"),
        (0.45, "The reason ____ he gave was not true.", "that",
            ("why", "for that", "because"), "从句缺宾语，不用 why。"),
        (0.40, "She has two sisters, both of ____ are nurses.", "whom",
            ("who", "them", "which"), "介词后指人用 whom。"),
    ),
    "名词性从句": (
        (0.70, "____ surprised us was that all the players came.", "What",
            ("That", "Which", "It"), "从句缺主语，用 what。"),
        (0.65, "I wonder ____ he will come or not.", "whether", ("that", "what", "which"), "有 or not，用 whether。"),
        (0.55, "The fact ____ he lied made her sad.", "that",
            ("which", "what", "whose"), "同位语从句成分完整，用 that。"),
        (0.50, "It is still unknown ____ the meeting will be held.", "where",
            ("which", "what", "who"), "从句缺地点状语。"),
        (0.45, "____ wins the game will get a prize.", "Whoever",
            ("Who", "Whomever", "No matter who"), "whoever 引导主语从句。"),
        (0.40, "My suggestion is that he ____ a doctor.", "see",
            ("sees", "saw", "will see"), "建议类表语从句用 (should) + 动词原形。"),
    ),
    "阅读：细节理解": (
        (0.80, f"{WALK}\nWhy does Tom walk to school?", "The bus is often late.",
            ("He lives near it.", "He likes rabbits.", "His sister walks too."), "第一句给出原因。"),
        (0.75, f"{WALK}\nWhat does he do on Fridays?", "He feeds the rabbits.",
            ("He takes a bus.", "He opens the gate.", "He sleeps longer."), "见第二句。"),
        (0.70, f"{MUSEUM}\nWhen are the tickets free?", "On the first Sunday.",
            ("Before nine.", "At eight every day.", "When a band plays."), "定位 free。"),
        (0.65, f"{MUSEUM}\nWhat do people hear while they wait?", "A band.",
            ("A guide.", "Complaints.", "A bell."), "定位 those who wait。"),
        (0.60, f"{FARM}\nWhere were the cows moved?", "Uphill.",
            ("To the boats.", "To the orchards.", "Across the river."), "定位 cows。"),
        (0.55, f"{FARM}\nWhat was found in the boats?", "Apples.", ("Water.", "Cows.", "Nothing."), "见最后一句。"),
    ),
    "阅读：推理判断": (
        (0.65, f"{WALK}\nWhat can we infer about Tom's sister?", "She goes to the same school.",
            ("She dislikes rabbits.", "She takes the bus.", "She is older than Tom."), "在校门口等他。"),
        (0.60, f"{WALK}\nHow can Tom best be described?", "Responsible.",
            ("Shy.", "Careless.", "Proud."), "为喂兔子提前出门。"),
        (0.55, f"{MUSEUM}\nHow do the people in the line probably feel?", "Patient and cheerful.",
            ("Angry.", "Worried.", "Bored."), "没有人抱怨，还有乐队。"),
        (0.50, f"{MUSEUM}\nWhat would the writer most likely suggest?", "Come early on that Sunday.",
            ("Avoid Sundays.", "Buy tickets online.", "Bring food."), "八点已排到街角。"),
        (0.45, f"{FARM}\nWhat did the farmers seem to care about most?", "Their cows.",
            ("Their boats.", "The apples.", "The weather."), "先转移牛，船没有系。"),
        (0.40, f"{FARM}\nWhat is the best title?", "A Gift from the Flood",
            ("How to Save Boats", "Growing Apples", "A Lost Herd"), "结果出人意料地好。"),
    ),
    "写作": (
        (0.60, "Write a letter of about 80 words to invite an exchange student to the Spring Festival.", "",
            (), "要点：时间、活动、期待；注意称呼和结尾。"),
        (0.55, "Write a notice of about 80 words for the English corner.", "", (), "要点：时间、地点、参加办法。"),
        (0.50, "Write about 100 words on a teacher who helped you.", "", (), "用一个具体的例子，时态一致。"),
        (0.45, "The bar chart shows how students get to school. Write about 100 words on it.", "",
            (), "先概括，再比较，最后给出看法。"),
        (0.40, "Continue the story in about 150 words: “The door opened, and nobody was there.”", "",
            (), "保持人称与时态，动作描写具体。"),
        (0.35, "Should phones be allowed at school? Give your opinion in about 120 words.", "",
            (), "观点、两个理由、结论。"),
    ),
    "倒装句": (
        (0.50, "Never ____ such a beautiful place.", "have I seen",
            ("I have seen", "I saw", "did I saw"), "否定词位于句首，部分倒装。"),
        (0.45, "Only in this way ____ solve the problem.", "can we",
            ("we can", "we could", "do we can"), "only 加状语位于句首，部分倒装。"),
    ),
}  # fmt: skip
