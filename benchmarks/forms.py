"""Other programs' forms, made worse: how the real scans beside this checkout are read when they lie, look or are
described worse than they are.

Every page of ../shared/data is read with its template after each of `DAMAGES`; fields are counted right, flagged for a
person, on a page that was refused, or silently wrong. Truth and templates are read in place.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from omr import image as pictures
from omr.importers import load_any
from omr.layout import Layout, Page, Registration
from omr.placement import Placement, project
from omr.read import read_page
from omr.register import register

DATA = Path(__file__).parents[2] / "shared" / "data"
FILES = 2  # of each case

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sheet:
    """A page with its truth.

    Attributes:
        name: of the case, and how the page is found.
        truth: field → value.
        to_pixels: where the page lies on the picture: its placement there, undamaged.
    """

    name: str
    file: str
    image: Image
    layout: Layout
    truth: dict[str, str]
    placed: Placement

    def bubbles(self) -> Array:
        """Centres (n, 2) in pixels."""
        return np.concatenate([points for points, _ in self.blocks().values()])

    def blocks(self) -> dict[str, tuple[Array, Array]]:
        """Block → centres (n, 2) in pixels and in layout units."""
        centres: dict[str, list[tuple[float, float]]] = {}
        for field in self.placed.page.fields:
            centres.setdefault(field.block, []).extend((b.x, b.y) for group in field.groups for b in group.bubbles)
        return {name: (self.placed.points(places, name), np.array(places)) for name, places in centres.items()}


class Damage(NamedTuple):
    """What is done to a picture: it gives the damaged one and the (3, 3) map of its pixels."""

    apply: Callable[[Sheet, np.random.Generator], tuple[Image, Array]]
    mild: bool = True  # a person would not think twice


def run(size: float = 1.0) -> dict[str, Any]:
    """Read `size` × 2 pages of each case under every damage."""
    rows = []
    sheets = list(_sheets(max(1, round(FILES * size))))
    for name, damage in DAMAGES.items():
        counts = Counts()
        for sheet in sheets:
            counts += tried(sheet, name, damage)
        rows.append(
            {
                "contender": name,
                "fields": counts.fields,
                "right %": 100 * counts.right / counts.fields,
                "flagged %": 100 * counts.flagged / counts.fields,
                "refused %": 100 * counts.refused / counts.fields,
                "silently wrong": counts.silent,
            }
        )
    return {"what": "real scans of other programs' forms, made worse", "rows": rows}


class Counts(NamedTuple):
    """Fields by what became of them."""

    right: int = 0
    flagged: int = 0
    refused: int = 0
    silent: int = 0

    @property
    def fields(self) -> int:
        return sum(self)

    def __add__(self, other: object) -> Counts:
        assert isinstance(other, Counts)
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


def tried(sheet: Sheet, name: str, damage: Damage) -> Counts:
    """A page read after a damage, the same every time."""
    image, _ = damaged(sheet, name, damage)
    layout = described(sheet.layout, name)
    reading = read_page(np.ascontiguousarray(image), layout)
    if reading.page["status"] != "read":
        return Counts(refused=len(sheet.truth))
    marks = {mark.field: mark for mark in reading.marks}
    flagged = sum(bool(marks[field].flag) for field in sheet.truth)
    right = sum(marks[field].value == value for field, value in sheet.truth.items() if not marks[field].flag)
    return Counts(right, flagged, 0, len(sheet.truth) - right - flagged)


def damaged(sheet: Sheet, name: str, damage: Damage) -> tuple[Image, Array]:
    return damage.apply(sheet, _rng(sheet.name, sheet.file, name))


def _rng(*names: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32("/".join(names).encode()))


def _sheets(files: int) -> Iterator[Sheet]:
    """The first files of every case, found as their template says and, where the picture is the page, so too."""
    for truth_file in sorted(DATA.glob("omr-*/*/truth.csv")):
        folder = truth_file.parent
        truth: dict[tuple[str, int], dict[str, str]] = {}
        for row in csv.DictReader(truth_file.open(encoding="utf-8-sig", newline="")):
            truth.setdefault((row["file"], int(row.get("page") or 1)), {})[row["field"]] = row["value"]
        some = list(truth)[: max(1, len(truth))][:: max(1, len(truth) // files)][:files]
        for template in sorted([*folder.glob("template*.json"), *folder.glob("bubblemap.yaml")]):
            layout = load_any(template)
            for file, number in some:
                image = pictures.load(folder / file, number - 1)
                placed = register(image, layout)
                wanted = truth[file, number]
                if "id" in wanted:  # the truth of MarkShark's tutorial is not in the order of its scans
                    number_read = next(m.value for m in read_page(image, layout).marks if m.field == "id")
                    wanted = next(one for one in truth.values() if one["id"] == number_read)
                for form in _forms(layout):
                    name = f"{folder.name}:{form.registration.method}"
                    yield Sheet(name, f"{file}:{number}", image, form, wanted, placed)


def _forms(layout: Layout) -> Iterator[Layout]:
    """The layout, and the same found edge to edge."""
    yield layout
    if layout.registration.method == "reference":
        yield layout.model_copy(update={"registration": Registration(method="frame")})


# --- how a page may lie ------------------------------------------------------------------------------------------


def moved(sheet: Sheet, homography: Array, *, ground: int | None = None, cut: bool = False) -> tuple[Image, Array]:
    """The picture under a map, on a canvas that holds it all."""
    height, width = sheet.image.shape
    corners = project(homography, np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64) - 0.5)
    low, high = corners.min(axis=0), corners.max(axis=0)
    shift = np.array([(1, 0, -low[0] - 0.5), (0, 1, -low[1] - 0.5), (0, 0, 1)])
    whole = shift @ homography
    size = tuple(int(side) for side in np.ceil(high - low))
    border = round(float(_edge_grey(sheet.image))) if ground is None else ground
    flags = cv2.INTER_AREA if whole[0, 0] < 0.9 else cv2.INTER_LINEAR
    image = sheet.image
    scale = float(np.sqrt(abs(np.linalg.det(whole[:2, :2]))))
    if scale < 0.9:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), np.uint8)
    return np.asarray(cv2.warpPerspective(image, whole, size, flags=flags, borderValue=border), np.uint8), whole


def _edge_grey(image: Image) -> float:
    return float(np.median(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])))


def turned(degrees: float) -> Damage:
    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        angle = degrees * rng.choice((-1, 1))
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return moved(sheet, np.array([(c, -s, 0), (s, c, 0), (0, 0, 1)]))

    return Damage(apply)


def quarter(turns: int) -> Damage:
    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        c, s = ((0, 1), (-1, 0), (0, -1))[turns - 1]
        return moved(sheet, np.array([(c, -s, 0), (s, c, 0), (0, 0, 1.0)]))

    return Damage(apply)


def sized(x: float, y: float) -> Damage:
    return Damage(lambda sheet, rng: moved(sheet, np.diag([x, y, 1.0])))


def tilted(part: float) -> Damage:
    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        height, width = sheet.image.shape
        source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        target = source + rng.uniform(-part, part, (4, 2)).astype(np.float32) * width
        return moved(sheet, cv2.getPerspectiveTransform(source, target).astype(np.float64))

    return Damage(apply)


def cropped(part: float) -> Damage:
    """Margins cut, on each side by its own share of what is free of bubbles."""

    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        height, width = sheet.image.shape
        low, high = sheet.bubbles().min(axis=0), sheet.bubbles().max(axis=0)
        room = 1.5 * (sheet.placed.scale * max(sheet.placed.page.fields[0].width, sheet.placed.page.fields[0].height))
        left, top = (np.maximum(low - room, 0) * rng.uniform(0, part, 2)).astype(int)
        right, bottom = (np.maximum((width, height) - high - room, 0) * rng.uniform(0, part, 2)).astype(int)
        image = sheet.image[top : height - bottom, left : width - right]
        return image, np.array([(1, 0, -left), (0, 1, -top), (0, 0, 1.0)])

    return Damage(apply)


def bordered(part: float, grey: int) -> Damage:
    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        left, right, top, bottom = (rng.uniform(0, part, 4) * sheet.image.shape[1]).astype(int).tolist()
        image = cv2.copyMakeBorder(sheet.image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=grey)
        return np.asarray(image, np.uint8), np.array([(1, 0, left), (0, 1, top), (0, 0, 1.0)])

    return Damage(apply)


def curled(part: float) -> Damage:
    """The middle of the page drawn aside, as of paper that does not lie flat."""

    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        height, width = sheet.image.shape
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        push = (part * width * np.sin(np.pi * y / height) * np.sin(np.pi * x / width)).astype(np.float32)
        return np.asarray(cv2.remap(sheet.image, x - push, y, cv2.INTER_LINEAR), np.uint8), np.eye(3)

    return Damage(apply)


# --- how it may look ---------------------------------------------------------------------------------------------


def looks(change: Callable[[Image, np.random.Generator], npt.NDArray[Any]], *, mild: bool = True) -> Damage:
    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        return np.clip(change(sheet.image, rng), 0, 255).astype(np.uint8), np.eye(3)

    return Damage(apply, mild)


def jpeg(image: Image, quality: int) -> Image:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def otsu(image: Image, share: float = 1.0) -> npt.NDArray[Any]:
    level, _ = cv2.threshold(image, 0, 255, cv2.THRESH_OTSU)
    return cv2.threshold(image, min(level * share, 250), 255, cv2.THRESH_BINARY)[1]


def adaptive(image: Image, offset: float) -> npt.NDArray[Any]:
    side = (max(image.shape) // 40) | 1
    return cv2.adaptiveThreshold(image, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, side, offset)


def shaded(image: Image, rng: np.random.Generator, depth: float) -> npt.NDArray[Any]:
    coarse = rng.uniform(1 - depth, 1, (4, 3)).astype(np.float32)
    return image * cv2.resize(coarse, image.shape[::-1], interpolation=cv2.INTER_CUBIC)


def streaked(image: Image, rng: np.random.Generator) -> npt.NDArray[Any]:
    image = image.copy()
    for _ in range(5):
        x, width = int(rng.integers(image.shape[1])), max(1, image.shape[1] // 800)
        image[:, x : x + width] = image[:, x : x + width] * 0.6 + rng.integers(0, 255) * 0.4
    return image


def show_through(image: Image, rng: np.random.Generator) -> npt.NDArray[Any]:
    back = cv2.GaussianBlur(image[:, ::-1], (0, 0), 1.5).astype(np.float64)
    return image * (1 - 0.15 * (1 - back / max(float(np.percentile(back, 95)), 1)))


def doubled(image: Image, rng: np.random.Generator) -> npt.NDArray[Any]:
    """A faint second exposure, some pixels off."""
    far = max(2, image.shape[1] // 150)
    return np.minimum(image, 255 - 0.25 * (255 - np.roll(image, (far, far), (0, 1)).astype(np.float64)))


def hidden_corner(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
    """A corner under a thumb or folded over, as far as no bubble lies there."""
    page = sheet.placed.points([(0, 0), (sheet.layout.width, 0), (sheet.layout.width, sheet.layout.height),
                                (0, sheet.layout.height)])  # fmt: skip
    which = int(rng.integers(4))
    corner, middle = page[which], page.mean(axis=0)
    image = sheet.image.copy()
    side = 0.12 * np.linalg.norm(page[1] - page[0])
    inward = np.sign(middle - corner)
    reach = np.array([(-1, -1), (2, -1), (-1, 2)])
    triangle = corner + reach * inward * side
    cv2.fillConvexPoly(image, np.rint(triangle).astype(np.int32), 110)
    return image, np.eye(3)


def both(*names: str) -> Damage:
    """One damage after the other."""

    def apply(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
        whole = np.eye(3)
        image = sheet.image
        for name in names:
            image, map_ = DAMAGES[name].apply(replace(sheet, image=image), rng)
            whole = map_ @ whole
        return image, whole

    return Damage(apply)


def lowres(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
    """As small as leaves 8 pixels a bubble: about 100 dots an inch."""
    field = sheet.placed.page.fields[0]
    part = min(1.0, 8 / (min(field.width, field.height) * sheet.placed.scale))
    return moved(sheet, np.diag([part, part, 1.0]))


def as_is(sheet: Sheet, rng: np.random.Generator) -> tuple[Image, Array]:
    return sheet.image, np.eye(3)


# --- how the template may be -------------------------------------------------------------------------------------


def described(layout: Layout, name: str) -> Layout:
    """The layout as a careless hand would have made it."""
    if not name.startswith("template"):
        return layout
    rng = _rng(layout.title, name)
    page = layout.pages[0]
    scale = np.ones(2)
    if "scaled" in name:
        scale = 1 + rng.uniform(-0.02, 0.02, 2)
    shifts = {field.block: np.zeros(2) for field in page.fields}
    if "shifted" in name:
        size = min(min(field.width, field.height) for field in page.fields)
        shifts = {block: rng.uniform(-0.35, 0.35, 2) * size for block in shifts}
    fields = tuple(
        field.model_copy(update={"groups": tuple(
            group.model_copy(update={"bubbles": tuple(
                bubble.model_copy(update={"x": bubble.x * scale[0] + shifts[field.block][0],
                                          "y": bubble.y * scale[1] + shifts[field.block][1]})
                for bubble in group.bubbles)}) for group in field.groups)})
        for field in page.fields
    )  # fmt: skip
    return layout.model_copy(update={"pages": (Page(number=page.number, fields=fields, fiducials=page.fiducials),)})


DAMAGES: dict[str, Damage] = {
    "as it is": Damage(as_is),
    "turned 1°": turned(1),
    "turned 3°": turned(3),
    "turned 6°": turned(6),
    "turned 10°": turned(10),
    "turned 90°": quarter(1),
    "turned 180°": quarter(2),
    "turned 270°": quarter(3),
    "size 50 %": sized(0.5, 0.5),
    "size 200 %": sized(2, 2),
    "stretched 3 %": sized(1.03, 0.98),
    "stretched 97 %": sized(0.97, 1.01),
    "tilted 1 %": tilted(0.01),
    "tilted 3 %": tilted(0.03),
    "tilted 6 %": tilted(0.06),
    "cropped 30 %": cropped(0.3),
    "cropped 90 %": cropped(0.9),
    "white border": bordered(0.15, 255),
    "black border": bordered(0.15, 0),
    "curled 0.5 %": curled(0.005),
    "corner hidden": Damage(hidden_corner),
    "100 dpi": Damage(lowres),
    "jpeg 30": looks(lambda image, rng: jpeg(image, 30)),
    "jpeg 12": looks(lambda image, rng: jpeg(image, 12), mild=False),
    "blurred": looks(lambda image, rng: cv2.GaussianBlur(image, (0, 0), image.shape[1] / 1000)),
    "noisy": looks(lambda image, rng: image + rng.normal(0, 12, image.shape)),
    "dark": looks(lambda image, rng: 255 * (image / 255) ** 1.8),
    "light": looks(lambda image, rng: 255 * (image / 255) ** 0.5),
    "pale": looks(lambda image, rng: image * 0.4 + 130),
    "shaded": looks(lambda image, rng: shaded(image, rng, 0.5)),
    "bilevel": looks(lambda image, rng: otsu(image)),
    "bilevel adaptive": looks(lambda image, rng: adaptive(image, 12)),
    "bilevel clogged": looks(lambda image, rng: otsu(image, 1.25), mild=False),
    "bilevel thin": looks(lambda image, rng: otsu(image, 0.7), mild=False),
    "streaked": looks(streaked),
    "showing through": looks(show_through),
    "exposed twice": looks(doubled, mild=False),
    "template shifted": Damage(as_is),
    "template scaled": Damage(as_is),
    "template shifted and scaled": Damage(as_is),
    "100 dpi, clogged": both("100 dpi", "bilevel clogged"),
    "100 dpi, adaptive": both("100 dpi", "bilevel adaptive"),
    "100 dpi, bilevel, turned": both("turned 3°", "100 dpi", "bilevel"),
    "a copy": both("stretched 3 %", "turned 1°", "light", "streaked", "blurred"),
    "a phone": both("tilted 3 %", "turned 6°", "shaded", "noisy", "jpeg 30"),
}
