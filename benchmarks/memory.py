"""Memory of a long batch: how much the processes hold after a tenth of the pages, and how much after all of them.

The pages are the demo's sheets, filled in by the simulator's scanner preset, as JPEG, TIFF and PDF: a few, linked
to thousands of names. Linux only.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cv2
import pypdfium2 as pdfium

import demo
import stages
from engine.exam import load_exam
from omr.read import read_scans

PAGES = 10_000
DISTINCT = 24
WORKERS = 2


def run(size: float = 1.0) -> dict:
    """Read `size` × 10 000 pages with two workers."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        demo.write_exam(folder / "exam", pupils=DISTINCT // 2)
        stages.sheets(folder / "exam")
        stages.simulate(folder / "exam", stages.Work())
        subject = next(iter(load_exam(folder / "exam").subjects))
        pictures = sorted((subject.folder / "scans").rglob("*.jpg"))[:DISTINCT]
        number = round(PAGES * size)
        _link(pictures, folder / "kinds", folder / "scans", number)
        seen: list[tuple[int, int, int]] = [(0, *_resident())]

        def look(done: int, _: int) -> None:
            if done - seen[-1][0] >= number / 50 or done == number:
                seen.append((done, *_resident()))

        summary = read_scans(
            folder / "scans", stages.layout_of(subject), folder / "out", workers=WORKERS, progress=look
        )
        assert summary.pages == number and summary.read > 0.95 * number, summary
        early = next(one for one in seen if one[0] >= number / 10)
        late, after = seen[-1], _resident()
    return {
        "what": f"resident megabytes over a batch of {number} pages, {WORKERS} workers",
        "rows": [
            _row("parent", early[1], late[1], after[0]),
            _row("largest worker", early[2], late[2], None),
        ],
        "pages, parent, largest worker": [[done, round(one / 1e6, 1), round(two / 1e6, 1)] for done, one, two in seen],
    }


def _row(name: str, early: int, late: int, after: int | None) -> dict[str, float | str]:
    return {
        "contender": name,
        "MB at a tenth": early / 1e6,
        "MB at the end": late / 1e6,
        "growth in MB": (late - early) / 1e6,
        "MB, tables written": "" if after is None else after / 1e6,
    }


def _link(pictures: list[Path], kinds: Path, scans: Path, number: int) -> None:
    """Give so many names to a few pictures: two of three JPEG, the others TIFF or PDF; 100 to a folder."""
    kinds.mkdir()
    files = []
    for at, picture in enumerate(pictures):
        kind = at % 6
        file = kinds / f"{at}{'.tif' if kind == 4 else '.pdf' if kind == 5 else '.jpg'}"
        if kind == 4:
            cv2.imwrite(str(file), cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE))
        elif kind == 5:
            _wrap(picture, file)
        else:
            os.link(picture, file)
        files.append(file)
    for page in range(number):
        file = files[page % len(files)]
        target = scans / f"{page // 100:04d}" / f"{page % 100:02d}{file.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)


def _wrap(picture: Path, file: Path) -> None:
    """A PDF of one page that is a JPEG at 200 dpi."""
    with pdfium.PdfDocument.new() as document:
        image = pdfium.PdfImage.new(document)
        image.load_jpeg(picture)
        width, height = (72 / 200 * pixels for pixels in image.get_px_size())
        image.set_matrix(pdfium.PdfMatrix().scale(width, height))
        sheet = document.new_page(width, height)
        sheet.insert_obj(image)
        sheet.gen_content()
        document.save(file)


def _resident() -> tuple[int, int]:
    """Bytes resident of this process, and of the largest of those that come of it."""
    parents, sizes = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            parents[int(status.parent.name)] = int(lines["PPid"])
            sizes[int(status.parent.name)] = 1024 * int(lines.get("VmRSS", "0 kB").split()[0])
        except (OSError, KeyError):
            continue
    own = os.getpid()

    def ours(process: int) -> bool:
        while process in parents and process != own:
            process = parents[process]
        return process == own

    return sizes[own], max((size for process, size in sizes.items() if process != own and ours(process)), default=0)
