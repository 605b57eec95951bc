"""Marks on drawn pages of known truth: each kind of page, mark, print, light and damage that has its own trap."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr.layout import Bubble, Field, Group, Joined, Layout, Page
from omr.marks import read_marks
from omr.placement import Placement

SCALE = 8  # pixels a millimetre: 200 dpi
WIDTH, HEIGHT = 80, 112
OPTIONS = "ABCD"


def choice(name, x, y, labels=OPTIONS, block="choice", **more):
    bubbles = tuple(Bubble(label=label, x=x + 7 * number, y=y) for number, label in enumerate(labels))
    return Field(
        name=name, groups=(Group(bubbles=bubbles),), width=4.5, height=2.5, shape="ellipse", block=block, **more
    )


def digits(name, x, y, places, labels="0123456789", **more):
    groups = tuple(
        Group(bubbles=tuple(Bubble(label=label, x=x + 7 * place, y=y + 5 * row) for row, label in enumerate(labels)))
        for place in range(places)
    )
    return Field(name=name, groups=groups, width=4.5, height=2.5, shape="ellipse", block=name, **more)


def sheet(*fields, joined=(), more=()):
    pages = (Page(number=1, fields=fields), *more)
    return Layout(id="drawn", width=WIDTH, height=HEIGHT, pages=pages, joined=joined)


QUESTIONS = [f"q{number}" for number in range(1, 41)]
CHOICES = sheet(
    *(choice(name, 10 + 32 * (n // 20), 10 + 5 * (n % 20), block=f"c{n // 20}") for n, name in enumerate(QUESTIONS))
)


def _letter(text):
    return lambda to, at: cv2.putText(to, text, at(-0.3, 0.6), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 255, 4)


def _line(*points, thickness=12):
    return lambda to, at: cv2.polylines(to, [np.array([at(u, v) for u, v in points])], False, 255, thickness)


def _cross(to, at):
    _line((-1, -1), (1, 1))(to, at)
    _line((-1, 1), (1, -1))(to, at)


HOW = {
    "full": lambda to, at: cv2.ellipse(to, at(0, 0), at.size, 0, 0, 360, 255, -1),
    "half": lambda to, at: cv2.rectangle(to, at(-0.9, -0.8), at(0, 0.8), 255, -1),
    "tick": _line((-0.8, 0), (-0.3, 0.9), (0.9, -1.1)),
    "cross": _cross,
    "dot": lambda to, at: cv2.circle(to, at(0, 0), 17, 255, -1),
    "stroke": _line((-1, 0), (10, 0), thickness=6),
    "scribble": lambda to, at: cv2.rectangle(to, at(-1.4, -2.5), at(1.4, 2.5), 255, -1),
}


class Paper:
    """A page on which print and pencil are drawn three times as large as it is scanned."""

    FINE = 3 * SCALE

    def __init__(self, layout, printed=0.55, letters=0.5):
        self.layout = layout
        self.light = np.ones((HEIGHT * self.FINE, WIDTH * self.FINE), np.float32)  # share of light that returns
        for field in layout.pages[0].fields:
            for bubble in (bubble for group in field.groups for bubble in group.bubbles):
                self._ink(field, bubble, printed, lambda to, at: cv2.ellipse(to, at(0, 0), at.size, 0, 0, 360, 255, 4))
                self._ink(field, bubble, letters, _letter(bubble.label))

    def _ink(self, field, bubble, darkness, draw):
        """Draw on a stencil around the bubble, on which (±1, ±1) are the corners of the bubble's box."""
        reach_x, reach_y = 6 * field.width, 3 * field.height
        x0, y0 = max(0, round((bubble.x - reach_x) * self.FINE)), max(0, round((bubble.y - reach_y) * self.FINE))
        x1, y1 = round((bubble.x + reach_x) * self.FINE), round((bubble.y + reach_y) * self.FINE)
        light = self.light[y0:y1, x0:x1]
        stencil = np.zeros(light.shape, np.uint8)
        size = round(field.width / 2 * self.FINE), round(field.height / 2 * self.FINE)

        def at(u, v):
            return round(bubble.x * self.FINE - x0 + u * size[0]), round(bubble.y * self.FINE - y0 + v * size[1])

        at.size = size
        draw(stencil, at)
        light *= 1 - darkness * (stencil > 0)

    def mark(self, name, label, how="full", darkness=0.7, group=0):
        field = next(field for field in self.layout.pages[0].fields if field.name == name)
        bubble = next(bubble for bubble in field.groups[group].bubbles if bubble.label == label)
        self._ink(field, bubble, darkness, HOW[how])

    def scan(self, white=235, noise=3.0, seed=0):
        grey = cv2.resize(self.light, (WIDTH * SCALE, HEIGHT * SCALE), interpolation=cv2.INTER_AREA) * white
        return np.clip(grey + np.random.default_rng(seed).normal(0, noise, grey.shape), 0, 255).astype(np.uint8)


def placement(layout, homography=None):
    # A pixel's centre has whole coordinates, so the page's edge lies half a pixel before the first.
    to_pixels = np.array([[SCALE, 0, -0.5], [0, SCALE, -0.5], [0, 0, 1.0]])
    return Placement(layout.pages[0], 0, 0.0, to_pixels if homography is None else homography @ to_pixels)


def read(paper, image=None, homography=None):
    marks = read_marks(paper.scan() if image is None else image, paper.layout, placement(paper.layout, homography))
    return {mark.field: mark for mark in marks}


def values(marks):
    return {name: mark.value for name, mark in marks.items()}


def flags(marks):
    return {name: mark.flag for name, mark in marks.items() if mark.flag}


@pytest.fixture(scope="module")
def answered():
    """A page with every question answered in turn, and its truth."""
    paper, truth = Paper(CHOICES), {name: OPTIONS[number % 4] for number, name in enumerate(QUESTIONS)}
    for name, label in truth.items():
        paper.mark(name, label)
    return paper, truth


def test_a_tidy_page_is_read_without_doubt(answered):
    paper, truth = answered
    marks = read(paper)
    assert list(marks) == QUESTIONS
    assert values(marks) == truth
    assert flags(marks) == {}
    assert min(mark.confidence for mark in marks.values()) > 0.99


@pytest.mark.parametrize("print_", [(0.2, 0.1), (0.55, 0.5), (1.0, 1.0)], ids=["pale", "grey", "black"])
def test_an_all_blank_page_is_blank(print_):
    marks = read(Paper(CHOICES, *print_))
    assert set(values(marks).values()) == {""}
    assert flags(marks) == {}


@pytest.mark.parametrize("darkness", [0.5, 0.7, 0.95])
def test_an_all_marked_page_is_all_marked(darkness):
    paper = Paper(CHOICES)
    for name in QUESTIONS:
        for label in OPTIONS:
            paper.mark(name, label, darkness=darkness)
    marks = read(paper)
    assert set(values(marks).values()) == {OPTIONS}
    assert flags(marks) == {}


@pytest.mark.parametrize("whole_page", [False, True])
@pytest.mark.parametrize(("how", "darkness"), [("full", 0.2), ("tick", 0.7), ("cross", 0.6), ("dot", 0.7)])
def test_a_lesser_mark_among_nothing_but_marks_is_not_taken_for_an_empty_bubble(how, darkness, whole_page):
    paper = Paper(CHOICES)
    for name in QUESTIONS if whole_page else QUESTIONS[:5]:
        for label in OPTIONS:
            if (name, label) != ("q3", "B"):
                paper.mark(name, label)
    paper.mark("q3", "B", how=how, darkness=darkness)
    marks = read(paper)
    assert marks["q3"].value == OPTIONS or marks["q3"].flag
    assert set(flags(marks)) <= {"q3"}


def test_a_few_lesser_marks_on_a_page_of_nothing_but_marks_do_not_pass_for_noise():
    paper = Paper(CHOICES)
    lesser = dict(zip(QUESTIONS[::3], [("tick", 0.7), ("cross", 0.7), ("full", 0.25), ("half", 0.7)] * 4, strict=False))
    for name in QUESTIONS:
        for label in OPTIONS[1:] if name in lesser else OPTIONS:
            paper.mark(name, label)
        if name in lesser:
            paper.mark(name, OPTIONS[0], *lesser[name])
    marks = read(paper)
    assert all(mark.value == OPTIONS or mark.flag for mark in marks.values())
    assert set(flags(marks)) <= set(lesser)


@pytest.mark.parametrize("singly", range(1, 8))
def test_a_few_rows_with_one_mark_do_not_make_all_others_empty(singly):
    """However much their marks stand out: what is as dark as these is marked, not printed heavily."""
    paper = Paper(CHOICES)
    for number, name in enumerate(QUESTIONS):
        for label in OPTIONS[number % 4] if number < singly else OPTIONS:
            paper.mark(name, label, darkness=0.95)
    page = np.where(paper.scan() > 128, 255, 0).astype(np.uint8)
    marks = read(paper, page)
    for number, name in enumerate(QUESTIONS):
        wanted = OPTIONS[number % 4] if number < singly else OPTIONS
        assert marks[name].value == wanted or marks[name].flag
    assert {marks[name].value for name in QUESTIONS[singly:]} == {OPTIONS}


@pytest.mark.parametrize("darkness", [0.0, 0.08, 0.12])
def test_nothing_is_surely_blank_where_all_else_is_marked(darkness):
    """A mark that a copier has bleached is as dark as print; no empty bubble of this page says how dark that is."""
    paper = Paper(CHOICES)
    for name in QUESTIONS:
        for label in OPTIONS:
            if (name, label) != ("q5", "C"):
                paper.mark(name, label)
    paper.mark("q5", "C", darkness=darkness)
    mark = read(paper)["q5"]
    assert mark.value == "ABCD" or mark.flag


def test_what_is_blank_beside_black_marks_is_no_paler_than_beside_pencil():
    """What blackens marks bleaches pale ones: the scale of the marks says nothing of them."""
    for darkness in (0.5, 0.95):
        paper = Paper(CHOICES)
        for name in QUESTIONS[1:]:
            paper.mark(name, "B", darkness=darkness)
        paper.mark("q1", "C", darkness=0.11)
        assert read(paper)["q1"].flag == "smudge"


@pytest.mark.parametrize("marked", ["", "A", "B"])
def test_two_bubbles_alone_on_a_page_of_two_tones(marked):
    """A choose field overleaf: nothing else says how heavy its print is."""
    paper = Paper(sheet(choice("choose", 20, 20, labels="AB")), printed=0.95, letters=0.95)
    for label in marked:
        paper.mark("choose", label, darkness=0.95)
    page = np.where(paper.scan() > 128, 255, 0).astype(np.uint8)
    mark = read_marks(page, paper.layout, placement(paper.layout))[0]
    assert mark.value == marked
    assert not (marked and mark.flag)


@pytest.mark.parametrize("darkness", [0.35, 0.8])
def test_of_two_bubbles_alone_on_a_page_a_grey_one_is_not_taken_for_heavy_print(darkness):
    paper = Paper(sheet(choice("choose", 20, 20, labels="AB")))
    paper.mark("choose", "A", darkness=darkness)
    paper.mark("choose", "B", darkness=0.2)
    mark = read_marks(paper.scan(), paper.layout, placement(paper.layout))[0]
    assert (mark.value[:1], mark.flag) == ("A", "erased")


@pytest.mark.parametrize("darkness", [0.09, 0.12])
def test_of_two_bubbles_alone_on_a_page_the_lighter_tells_what_is_print(darkness):
    """A copier bleaches print and pale marks alike."""
    paper = Paper(sheet(choice("choose", 20, 20, labels="AB")), printed=0.2, letters=0.2)
    paper.mark("choose", "B", darkness=darkness)
    mark = read_marks(paper.scan(), paper.layout, placement(paper.layout))[0]
    assert mark.flag


def test_a_page_marked_throughout_in_pale_pencil_but_for_a_few_doubts():
    """Rows with a tick and what an eraser left are no measure of how empty bubbles scatter."""
    paper = Paper(CHOICES)
    for name in QUESTIONS[1:]:
        for label in OPTIONS:
            paper.mark(name, label, darkness=0.42)
    paper.mark("q1", "A", darkness=0.42)
    paper.mark("q1", "B", how="tick")
    paper.mark("q1", "C", darkness=0.12)
    paper.mark("q1", "D", darkness=0.42)
    marks = read(paper)
    assert marks["q1"].flag
    assert {marks[name].value for name in QUESTIONS[1:]} == {OPTIONS}
    assert {name for name, flag in flags(marks).items() if flag} == {"q1"}


def test_a_page_marked_throughout_but_for_rows_of_scores():
    """These are no reason to take all else for heavy print, though a digit, with ticks on it, is mostly light."""
    grid = [choice(f"d{k}", 8, 8 + 4 * k, labels="0123456789", block="grid") for k in range(9)]
    questions = [choice(f"q{k}", 8 + 32 * (k % 2), 50 + 4 * (k // 2)) for k in range(14)]
    scores = [choice(f"s{k}", 8, 85 + 6 * k, labels="0123456789", block=f"s{k}") for k in range(4)]
    paper = Paper(sheet(*grid, *questions, *scores))
    rng = np.random.default_rng(4)
    for field in (*grid, *questions):
        for label in (bubble.label for bubble in field.groups[0].bubbles):
            ticked = label == "1" and field in grid[:3]
            paper.mark(field.name, label, "tick" if ticked else "full", darkness=rng.uniform(0.42, 0.62))
    for field in scores:
        paper.mark(field.name, "7", darkness=0.5)
    marks = read(paper)
    assert {marks[field.name].value for field in grid[3:]} == {"0123456789"}
    assert {marks[field.name].value for field in questions} == {OPTIONS}
    assert {marks[field.name].value for field in scores} == {"7"}


def test_a_tick_is_a_mark_and_a_grey_patch_as_dark_a_doubt():
    paper = Paper(CHOICES)
    for name in QUESTIONS[2:]:
        paper.mark(name, "B")
    paper.mark("q1", "C", how="tick")
    paper.mark("q2", "C", how="full", darkness=0.2)
    marks = read(paper)
    assert (marks["q1"].value, marks["q1"].flag) == ("C", "")
    assert (marks["q2"].value, marks["q2"].flag) == ("C", "faint")


def test_a_column_marked_throughout_is_not_taken_for_print():
    paper = Paper(CHOICES)
    for name in QUESTIONS:
        paper.mark(name, "A", darkness=0.5)
    marks = read(paper)
    assert set(values(marks).values()) == {"A"}
    assert flags(marks) == {}


def test_a_row_marked_throughout_and_a_blank_row():
    paper = Paper(CHOICES)
    for name in QUESTIONS[2:]:
        paper.mark(name, "B")
    for label in OPTIONS:
        paper.mark("q1", label)
    marks = read(paper)
    assert (marks["q1"].value, marks["q2"].value, marks["q3"].value) == (OPTIONS, "", "B")
    assert flags(marks) == {}


@pytest.mark.parametrize("heavy", [1, 4])
def test_print_that_is_heavier_throughout_is_told_from_an_erasure(heavy):
    """Two-digit points on a score strip: printed but a few times on a page, and darker than all else."""
    fields = [choice(f"s{n}", 10, 10 + 6 * n, labels="01234567M", block="strips") for n in range(4)]
    paper = Paper(sheet(*fields))
    for number, field in enumerate(fields):
        paper.mark(field.name, str(number))
        if number < heavy:
            paper.mark(field.name, "M", how="dot", darkness=0.6)
    marks = read(paper)
    assert values(marks) == {"s0": "0", "s1": "1", "s2": "2", "s3": "3"}
    assert flags(marks) == ({"s0": "erased"} if heavy == 1 else {})


def test_a_clear_double_mark_is_an_answer():
    paper = Paper(CHOICES)
    for name in QUESTIONS:
        paper.mark(name, "C")
    paper.mark("q7", "A", darkness=0.55)
    marks = read(paper)
    assert marks["q7"].value == "AC"
    assert flags(marks) == {}


def test_pale_pencil_is_read_where_the_whole_page_is_pale():
    paper = Paper(CHOICES)
    for name in QUESTIONS:
        paper.mark(name, "D", darkness=0.3)
    marks = read(paper)
    assert set(values(marks).values()) == {"D"}
    assert flags(marks) == {}


@pytest.mark.parametrize(
    ("how", "darkness", "flag"), [("full", 0.2, "faint"), ("tick", 0.55, "partial"), ("dot", 0.7, "smudge")]
)
def test_a_doubtful_mark_goes_to_a_person(how, darkness, flag):
    paper = Paper(CHOICES)
    for name in QUESTIONS[1:]:
        paper.mark(name, "B")
    paper.mark("q1", "C", how=how, darkness=darkness)
    marks = read(paper)
    assert flags(marks) == {"q1": flag}
    assert marks["q1"].value == ("" if flag == "smudge" else "C")
    assert marks["q1"].confidence < 0.99


@pytest.mark.parametrize("how", ["cross", "half"])
def test_crosses_and_half_fills_are_never_lost_in_silence(how):
    paper = Paper(CHOICES)
    for name in QUESTIONS[1:]:
        paper.mark(name, "B")
    paper.mark("q1", "C", how=how)
    mark = read(paper)["q1"]
    assert mark.value == "C" or mark.flag


def test_the_rest_of_an_erasure_does_not_count():
    paper = Paper(CHOICES)
    for name in QUESTIONS:
        paper.mark(name, "B")
    paper.mark("q1", "D", darkness=0.05)  # hardly visible
    paper.mark("q2", "D", darkness=0.3)  # visible: erased, or a second thought?
    marks = read(paper)
    assert (marks["q1"].value, marks["q1"].flag) == ("B", "")
    assert marks["q2"].flag == "erased"
    assert list(flags(marks)) == ["q2"]


def test_something_darker_in_what_an_eraser_left_does_not_make_it_a_mark_in_silence():
    """As a line pressed into the paper, on a page of pale marks: most of the bubble is grey."""
    paper = Paper(CHOICES)
    for name in QUESTIONS[1:]:
        paper.mark(name, "B", darkness=0.42)
    paper.mark("q1", "C", darkness=0.09)
    paper.mark("q1", "C", how="dot", darkness=0.3)
    assert read(paper)["q1"].flag == "partial"


def test_a_scribble_far_beyond_the_bubble_is_a_mark():
    paper = Paper(CHOICES)
    for name in QUESTIONS[2:]:
        paper.mark(name, "D")
    paper.mark("q1", "A", how="scribble")
    paper.mark("q2", "C", how="scribble", darkness=0.3)
    marks = read(paper)
    assert (marks["q1"].value, marks["q2"].value) == ("A", "C")


@pytest.mark.parametrize("edge", np.arange(20, 28, 0.5))
def test_the_edge_of_a_shadow_marks_nothing_in_silence(answered, edge):
    paper, truth = answered
    image = paper.scan()
    image[:, int(edge * SCALE) :] = image[:, int(edge * SCALE) :] * 0.7
    marks = read(paper, image)
    assert all(marks[name].value == truth[name] or marks[name].flag for name in QUESTIONS)


def test_a_stroke_through_a_row_is_not_an_answer_in_silence():
    paper = Paper(CHOICES)
    for name in QUESTIONS[1:]:
        paper.mark(name, "B")
    paper.mark("q1", "A", how="stroke")
    mark = read(paper)["q1"]
    assert mark.value == "" or mark.flag


@pytest.mark.parametrize("marked", [False, True])
def test_a_lone_bubble_is_judged_by_the_page(marked):
    layout = sheet(choice("absent", 60, 10, "1", block="absent"), *CHOICES.pages[0].fields[:8])
    paper = Paper(layout)
    for name in QUESTIONS[:8]:
        paper.mark(name, "A")
    if marked:
        paper.mark("absent", "1")
    mark = read(paper)["absent"]
    assert (mark.value, mark.flag) == ("1" if marked else "", "")


@pytest.mark.parametrize("marked", [False, True])
def test_a_page_of_one_bubble(marked):
    paper = Paper(sheet(choice("absent", 60, 10, "1")))
    if marked:
        paper.mark("absent", "1")
    mark = read(paper)["absent"]
    assert (mark.value, mark.flag) == ("1" if marked else "", "")


def test_values_by_join():
    layout = sheet(
        digits("positional", 10, 10, 4, join="positional"),
        digits("concat", 45, 10, 3),
        choice("sum", 10, 70, ["10", "5", "2", "0.5"], join="sum"),
        choice("long", 10, 80, ["1A", "2B"], separator="+"),
        choice("none", 10, 90, join="sum"),
        joined=(Joined(name="both", fields=("concat", "none", "sum")), Joined(name="elsewhere", fields=("on page 2",))),
        more=(Page(number=2, fields=(choice("on page 2", 10, 10),)),),
    )
    paper = Paper(layout)
    for group, labels in ((0, "3"), (1, "37"), (3, "0")):
        for label in labels:
            paper.mark("positional", label, group=group)
    for group, label in ((0, "4"), (2, "9")):
        paper.mark("concat", label, group=group)
    for name, label in (("sum", "10"), ("sum", "2"), ("sum", "0.5"), ("long", "1A"), ("long", "2B")):
        paper.mark(name, label)
    marks = read(paper)
    assert values(marks) == {
        "positional": "3[37]_0",
        "concat": "49",
        "sum": "12.5",
        "long": "1A+2B",
        "none": "",
        "both": "4912.5",
    }
    assert flags(marks) == {}


def test_a_sum_keeps_its_tens():
    layout = sheet(choice("sum", 10, 10, ["20", "10", "0", "1"], join="sum"), *CHOICES.pages[0].fields[21:24])
    paper = Paper(layout)
    for label in ("20", "10"):
        paper.mark("sum", label)
    assert read(paper)["sum"].value == "30"
    paper = Paper(layout)
    paper.mark("sum", "0")
    assert read(paper)["sum"].value == "0"


def test_a_bubble_off_the_picture_is_never_guessed(answered):
    paper, truth = answered
    image = paper.scan()[:, : int(60 * SCALE)]
    marks = read(paper, image)
    outside = {field.name for field in CHOICES.pages[0].fields if field.groups[0].bubbles[-1].x > 60}
    assert {name for name, flag in flags(marks).items() if flag == "clipped"} == outside
    assert all(marks[name].value == truth[name] for name in set(QUESTIONS) - outside)
    assert all(marks[name].value in (truth[name], "") and marks[name].confidence == 0 for name in outside)


def shaded(image):
    across, down = np.linspace(0.45, 1, image.shape[1]), np.linspace(1, 0.75, image.shape[0])
    return (image * across * down[:, None]).astype(np.uint8)


def jpeg(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_GRAYSCALE)


DAMAGE = {
    "shadow": shaded,
    "washed out": lambda image: (image * 0.5 + 110).astype(np.uint8),
    "dark": lambda image: (image * 0.4).astype(np.uint8),
    "blur": lambda image: cv2.GaussianBlur(image, (0, 0), 3),
    "noise": lambda image: np.clip(image + np.random.default_rng(5).normal(0, 20, image.shape), 0, 255).astype(
        np.uint8
    ),
    "jpeg": jpeg,
    "bilevel": lambda image: cv2.threshold(image, 0, 255, cv2.THRESH_OTSU)[1],
    "shifted 2 px": lambda image: np.roll(image, (2, 2), (0, 1)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_changes_no_answer(answered, damage):
    paper, truth = answered
    marks = read(paper, DAMAGE[damage](paper.scan()))
    assert values(marks) == truth
    assert flags(marks) == {}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_marks_nothing_on_a_blank_page(damage):
    paper = Paper(CHOICES)
    marks = read(paper, DAMAGE[damage](paper.scan()))
    assert set(values(marks).values()) == {""}
    assert flags(marks) == {}


@pytest.mark.parametrize("scale", [0.3, 0.5, 2.0])
def test_resolution_does_not_matter(answered, scale):
    paper, truth = answered
    size = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(paper.scan(), None, fx=scale, fy=scale, interpolation=size)
    marks = read(paper, image, np.diag([scale, scale, 1.0]))
    assert values(marks) == truth
    assert flags(marks) == {}


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-180, 180), corner=st.floats(-1e-4, 1e-4), seed=st.integers(0, 2**32 - 1))
def test_any_turn_and_perspective(answered, angle, corner, seed):
    paper, truth = answered
    middle = np.array([[1, 0, -WIDTH * SCALE / 2], [0, 1, -HEIGHT * SCALE / 2], [0, 0, 1.0]])
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[cos, -sin, 600], [sin, cos, 600], [corner, corner, 1]]) @ middle
    image = cv2.warpPerspective(paper.scan(seed=seed), turn, (1200, 1200), borderValue=90)
    marks = read(paper, image, turn)
    assert values(marks) == truth
    assert flags(marks) == {}


def test_a_page_without_bubbles():
    layout = sheet()
    assert read_marks(np.zeros((10, 10), np.uint8), layout, placement(layout)) == []


def test_a_black_picture_gives_nothing_in_silence(answered):
    paper, _ = answered
    marks = read(paper, np.zeros_like(paper.scan()))
    assert all(mark.value == "" or mark.flag for mark in marks.values())
