"""The head of a page: who the pupil is, what to heed, and the invigilator's marks."""

from __future__ import annotations

from engine.tables import ABSENT, CANDIDATE, FORM, VIOLATION
from omr.canvas import DIGIT_X, DIGIT_Y, HEIGHT, WIDTH, WRITTEN, Canvas
from omr.spec import SheetSpec

GAP = 2.0
ROW = 7.6  # of the pupil's particulars
LABEL = 11.0  # width of 姓名, 班级, …
CODE = 20.0  # height of the barcode area
PANEL = 26.0  # width of the invigilator's marks beside it
GRID_TITLE = 7.0
NOTE_SIZE = 7.0  # points
NOTE_LINE = 4.0
EM = 25.4 / 72  # mm a point
EXAMPLE_LINES = 1.3  # height of the filling example, in lines
LATER = 14.0  # height of the barcode area on later pages


class Heading:
    """The head of the first page.

    Particulars and codes stand on the left. On the right stands the grid for the candidate number, with the notes under
    the codes; without a grid, the notes stand on the right.
    """

    def __init__(self, spec: SheetSpec, width: float) -> None:
        self.spec, self.width = spec, width
        self.grid = spec.number_digits > 0
        self.right = spec.number_digits * DIGIT_X + 6 if self.grid else width * 0.44 if spec.notes else 0.0
        self.left = width - self.right - (GAP if self.right else 0)
        marks = spec.absent or spec.violation
        self.codes = CODE if spec.barcode != "none" else ROW if marks else 0.0
        particulars = 3 * ROW + (GAP + self.codes if self.codes else 0)
        self.notes = self._wrap((self.left if self.grid else self.right) - 8)
        notes = (len(self.notes) + EXAMPLE_LINES) * NOTE_LINE + 2 if spec.notes else 0.0
        if self.grid:
            grid = GRID_TITLE + WRITTEN + 10 * DIGIT_Y + 3.5
            self.height = max(grid, particulars + (GAP + notes if notes else 0))
        else:
            self.height = max(particulars, notes)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        """Draw it with its top left corner at (x, y)."""
        self._particulars(canvas, x, y)
        bottom = y + 3 * ROW
        if self.codes:
            self._codes(canvas, x, bottom + GAP)
            bottom += GAP + self.codes
        right = x + self.left + GAP
        if self.grid:
            self._number(canvas, right, y)
        if self.spec.notes and self.grid:
            self._notes(canvas, x, bottom + GAP, self.left, y + self.height - bottom - GAP)
        elif self.spec.notes:
            self._notes(canvas, right, y, self.right, self.height)

    def _particulars(self, canvas: Canvas, x: float, y: float) -> None:
        form = LABEL + 7.0 * len(self.spec.forms) if self.spec.forms else 0.0
        for row, cells in enumerate(
            (
                (("姓名", "name"), ("班级", "class_name")),
                (("学校", "school"), ("考号", "number")),
                (("考场", "room"), ("座号", "seat")),
            )
        ):
            top = y + row * ROW
            space = self.left - (form if row == 2 else 0)
            for i, (label, attribute) in enumerate(cells):
                cell = x + i * space / 2
                canvas.frame(cell, top, LABEL, ROW, line=0.2)
                canvas.frame(cell + LABEL, top, space / 2 - LABEL, ROW, line=0.2)
                canvas.text(cell + LABEL / 2, top + ROW / 2, label, 8.5, align="center")
                canvas.text(cell + LABEL + 1.5, top + ROW / 2, "", 9.5, pupil=attribute, width=space / 2 - LABEL - 3)
        if self.spec.forms:
            left, middle = x + self.left - form, y + 2.5 * ROW
            canvas.frame(left, y + 2 * ROW, form, ROW, line=0.2)
            canvas.text(left + LABEL / 2 + 0.5, middle, "卷型", 8.5, align="center")
            spots = [(letter, left + LABEL + 3 + 7.0 * i, middle) for i, letter in enumerate(self.spec.forms)]
            canvas.field(FORM, [spots], block=FORM)

    def _codes(self, canvas: Canvas, x: float, y: float) -> None:
        marks = [
            (name, label)
            for name, label, wanted in (
                (ABSENT, "缺考标记", self.spec.absent),
                (VIOLATION, "违纪标记", self.spec.violation),
            )
            if wanted
        ]
        if self.spec.barcode == "none":
            canvas.frame(x, y, self.left, ROW, line=0.2)
            for i, (name, label) in enumerate(marks):
                self._mark(canvas, name, label, x + 2 + i * 30, y + ROW / 2)
            canvas.text(x + self.left - 2, y + ROW / 2, "（监考员填涂，考生禁填）", 6.5, align="right")
            return
        width = self.left - (PANEL + GAP if marks else 0)
        canvas.barcode = canvas.rect(self.spec.barcode, x, y, width, CODE)
        canvas.frame(x, y, width, CODE, line=0.25)
        canvas.text(x + width / 2, y + CODE / 2 - 2, "贴条形码区", 11, align="center", grey=110, blank_only=True)
        canvas.text(
            x + width / 2, y + CODE / 2 + 4, "（正面朝上，切勿贴出框外）", 7, align="center",
            grey=110, blank_only=True,
        )  # fmt: skip
        if marks:
            left = x + self.left - PANEL
            canvas.frame(left, y, PANEL, CODE, line=0.25)
            step = (CODE - 5) / len(marks)
            for i, (name, label) in enumerate(marks):
                self._mark(canvas, name, label, left + 2, y + step * (i + 0.5) + 0.5)
            canvas.text(left + PANEL / 2, y + CODE - 3, "监考员填涂 考生禁填", 6, align="center")

    def _mark(self, canvas: Canvas, name: str, label: str, x: float, y: float) -> None:
        canvas.text(x, y, label, 8.5)
        canvas.field(name, [[("1", x + 15 + WIDTH / 2, y)]], block=name)

    def _number(self, canvas: Canvas, x: float, y: float) -> None:
        digits = self.spec.number_digits
        canvas.frame(x, y, self.right, self.height, line=0.35)
        canvas.text(x + self.right / 2, y + GRID_TITLE / 2, "准 考 证 号", 10, align="center", bold=True)
        left = x + (self.right - digits * DIGIT_X) / 2
        pitch = (self.height - GRID_TITLE - WRITTEN - 3.5) / 10
        canvas.digits(
            CANDIDATE, left, y + GRID_TITLE, ["0123456789"] * digits, block=CANDIDATE, positional=True, pitch=pitch
        )

    def _wrap(self, width: float) -> list[str]:
        per_line = max(8, int(width / (NOTE_SIZE * EM)))
        lines = []
        for i, note in enumerate(self.spec.notes, start=1):
            words = f"{i}．{note}"
            lines.append(words[:per_line])
            rest = words[per_line:]
            while rest:
                lines.append("　" + rest[: per_line - 1])
                rest = rest[per_line - 1 :]
        return lines

    def _notes(self, canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
        canvas.frame(x, y, width, height, line=0.25)
        canvas.frame(x + 6, y, 0, height, line=0.2)
        for i, letter in enumerate("注意事项"):
            canvas.text(x + 3, y + height / 2 + (i - 1.5) * 4, letter, 8, align="center", bold=True)
        pitch = (height - 2) / (len(self.notes) + EXAMPLE_LINES)
        for i, line in enumerate(self.notes):
            canvas.text(x + 7.5, y + 1 + (i + 0.5) * pitch, line, NOTE_SIZE)
        self._example(canvas, x + 7.5, y + 1 + (len(self.notes) + EXAMPLE_LINES / 2) * pitch)

    def _example(self, canvas: Canvas, x: float, y: float) -> None:
        canvas.text(x, y, "正确填涂", NOTE_SIZE)
        canvas.frame(x + 11.5, y - HEIGHT / 2, WIDTH, HEIGHT, line=0.15, fill=0)
        canvas.text(x + 20, y, "错误填涂", NOTE_SIZE)
        for i, sign in enumerate("√×●－"):
            left = x + 31.5 + i * (WIDTH + 2)
            canvas.frame(left, y - HEIGHT / 2, WIDTH, HEIGHT, line=0.15, grey=80)
            canvas.text(left + WIDTH / 2, y, sign, 4.5 if sign == "●" else 6.5, align="center")


def draw_later(canvas: Canvas, spec: SheetSpec, title: str, left: float, right: float, y: float) -> None:
    """The head of a later page, between the fiducials: title, name, number and code."""
    code = {"code128": 70.0, "qr": LATER, "none": 0.0}[spec.barcode]
    if code:
        canvas.barcode = canvas.rect(spec.barcode, right - code, y, code, LATER)
    space = right - left - code - 2
    canvas.text(left, y + 3, title, 8.5, width=space, grey=60)
    for x, label, attribute, width in ((left, "姓名", "name", 0.42), (left + 0.45 * space, "考号", "number", 0.55)):
        canvas.text(x, y + 10.5, label, 8.5)
        canvas.frame(x + 8, y + 12.8, width * space - 8, 0, line=0.2)
        canvas.text(x + 9, y + 10.5, "", 9.5, pupil=attribute, width=width * space - 10)
