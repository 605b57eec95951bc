"""How much harm is done to a page on its way from the printer to the reader: by paper, scanners, copiers and phones.

`omr.rescan` does the harm; here are its measures, what they mean on real devices, and the presets. A preset at strength
1 is the bad end of what a marking centre meets, so that an error rate on it is no better than in practice: every page
is askew, stretched and noisy, and one in ten or so is also streaked, punched, folded, clipped or has a corner mark that
hardly printed, where a well-run centre sees such a page in hundreds. What a person needs is never taken away: holes and
folds keep clear of the bubbles, and at most one corner mark of a page is covered or faded.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import UsageError

Range = tuple[float, float]

SCALED = (
    "rotation", "scale", "stretch", "drift", "curl", "shift", "perspective", "clip", "contrast", "show_through",
    "shadow", "vignette", "noise", "jagged", "specks", "streaks", "dropouts", "clogged", "faded", "punched", "folded",
    "clipped",
)  # fmt: skip
"""What grows with the strength of a preset (`graded`)."""
SHARES = ("clogged", "faded", "punched", "folded", "clipped")  # of pages
LIMITS = {"contrast": 0.4, "perspective": 0.08, "shadow": 0.6, "vignette": 0.5, "show_through": 0.2}
"""Beyond these a person could not read the page either."""
MOST = 10.0  # strength
SUFFIXES = (".jpg", ".tif")


class Damage(BaseModel):
    """How much of each, drawn anew for every page. Lengths are in mm on paper unless they say otherwise.

    Print and paper:
        ink, paper: grey of black print and of blank paper on the picture, 0…255. Scanners give 15…45 and 236…252;
            phones expose white paper at 200…235.
        contrast: how much a copier hardens the greys, 0 not at all … 1 black and white; 0.35 takes pale grey (a tenth
            of black) away altogether and makes faint pencil half as dark.
        show_through: most that the other side shows through, as a share of its own darkness. 70 g copy paper on a white
            lid: 0.05 to 0.08; the specification for exam paper asks for none.
        specks: expected number of dust specks a page, 0.1 to 0.5 mm; a dirty glass has dozens.
        faded: share of pages with one corner mark that printed pale or in part, as on a risograph whose master is worn.
        punched: share of pages with two holes for filing (ISO 838: 6 mm, 80 mm apart, 12 mm from an edge), at an edge
            where they cost no bubble.
        folded: share of pages with a corner folded (8 to 30 mm), half of them under the sheet, half over it.

    Geometry:
        rotation: largest turn, in degrees, either way. Feeders keep within 0.5°, worn ones 1.5°, hands 3°.
        scale: largest change of size, either way, as a share. Copies of copies drift by 1 to 3 %.
        stretch: largest further change of size, for each axis anew, as a share: paper swells by 0.1 to 0.3 %, and the
            feed of a copier is off by as much again.
        drift: largest local displacement along the feed, by a feeder that runs unevenly: 0.3 at most in offices.
        curl: largest local displacement, in both directions, of paper that does not lie flat: 0.2 under a lid, 2 in the
            hand or fresh from a fold.
        shift: largest displacement of the page.
        perspective: largest displacement of a corner, as a share of the page's width; 0.025 is a phone held 10° askew.
        margin: background shown around the page, as a share of its size.
        clipped: share of pages of which one edge is cut off, fed askew or against the wrong guide; `clip`: most lost.
            The cut keeps 1 mm away from the corner marks, which stand 8 mm from the paper's edge.
        upside_down: share of pages fed the wrong way round.

    Light:
        background: grey around the page and in holes.
        dark_lid: share of pages scanned on a black lid instead.
        shadow: largest darkening by light that changes over the page, as a share; half of it smooth, half the edge of a
            hand, a phone or a book's spine.
        vignette: largest darkening at the corners by a phone's lens, as a share.
        streaks: expected number of streaks along the feed, from dust on the glass or a scratched drum: dark or light,
            0.1 to 0.4 mm wide, taking or giving 15 to 60 % of the contrast.

    Sharpness, noise and file:
        dpi: resolution of the file.
        blur: standard deviation in pixels; 0.5 is a good scanner, 1 a copier, 1.5 a phone out of focus.
        noise: standard deviation in grey levels.
        quality: of the JPEG.
        threshold: where set, the file is a TIFF of one bit a pixel (CCITT G4), black where more than this share of the
            paper's light is missing. 0.21 to 0.25 is as dark as fax-like scanners are set so that pencil survives: of
            faint pencil a third or more comes out black, mostly four fifths; of what an eraser left mostly nothing, and
            a fifth at most.
        jagged: standard deviation of the threshold from pixel to pixel, as a share of the light: ragged edges, and
            speckles in grey areas.
        clogged: share of bilevel pages on which black runs together by a pixel.
        dropouts: expected number of rows a bilevel page that came out white in part, or like the row before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ink: Range = (0, 0)
    paper: Range = (255, 255)
    contrast: float = 0
    show_through: float = 0
    specks: float = 0
    faded: float = 0
    punched: float = 0
    folded: float = 0

    rotation: float = 0
    scale: float = 0
    stretch: float = 0
    drift: float = 0
    curl: float = 0
    shift: float = 0
    perspective: float = 0
    margin: float = 0
    clipped: float = 0
    clip: float = 0
    upside_down: float = 0

    background: int = 255
    dark_lid: float = 0
    shadow: float = 0
    vignette: float = 0
    streaks: float = 0

    dpi: Range = (200, 200)
    blur: Range = (0, 0)
    noise: float = 0
    quality: tuple[int, int] = (80, 80)
    threshold: Range | None = None
    jagged: float = 0
    clogged: float = 0
    dropouts: float = 0

    strength: float = Field(1, ge=0)  # as `graded` made it

    @property
    def suffix(self) -> str:
        """Of the file's name: one of `SUFFIXES`."""
        return SUFFIXES[self.threshold is not None]


PRESETS = {
    "clean": Damage(quality=(90, 90)),
    "scanner": Damage(
        ink=(15, 45), paper=(236, 252), show_through=0.04, specks=2, faded=0.02, punched=0.03, folded=0.02,
        rotation=1, scale=0.01, stretch=0.002, drift=0.2, curl=0.2, shift=1.5, clipped=0.02, clip=4, upside_down=0.02,
        background=250, dark_lid=0.2, shadow=0.04, streaks=0.1, blur=(0.5, 0.9), noise=3, quality=(75, 85),
    ),
    "copier": Damage(
        ink=(20, 70), paper=(240, 255), contrast=0.35, show_through=0.06, specks=40, faded=0.04, punched=0.03,
        folded=0.02, rotation=1, scale=0.025, stretch=0.005, drift=0.3, curl=0.3, shift=2, clipped=0.03, clip=4,
        upside_down=0.02, shadow=0.06, streaks=1.5, blur=(0.7, 1.2), noise=6, quality=(70, 80),
    ),
    "bilevel-fax": Damage(
        show_through=0.04, specks=20, faded=0.02, punched=0.03, folded=0.02,
        rotation=1, scale=0.015, stretch=0.003, drift=0.3, curl=0.2, shift=2, clipped=0.02, clip=4, upside_down=0.02,
        shadow=0.02, streaks=0.3, blur=(0.6, 1.0), threshold=(0.21, 0.25), jagged=0.04, clogged=0.25, dropouts=3,
    ),
    "phone": Damage(
        ink=(20, 60), paper=(200, 235), show_through=0.03, specks=2, faded=0.02, punched=0.02, folded=0.03,
        rotation=3, scale=0.02, perspective=0.025, curl=1.2, margin=0.1, upside_down=0.02,
        background=70, shadow=0.35, vignette=0.15, dpi=(160, 220), blur=(0.7, 1.5), noise=5, quality=(70, 85),
    ),
}  # fmt: skip
"""The damage by name. "clean" is the print itself; "scanner" is what an office scanner does to originals, "copier" what
it does to copies, "bilevel-fax" an old or cheap device that knows black and white only, "phone" a picture taken by hand
on a table."""


def graded(preset: str, strength: float = 1) -> Damage:
    """A preset, milder or worse: at 0.5 half of every harm, at 2 twice as much, up to what a person still reads.

    Raises:
        UsageError: there is no such preset.
    """
    if preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}", mend=f"choose one of {', '.join(PRESETS)}")
    damage = PRESETS[preset]
    changes: dict[str, Any] = {name: getattr(damage, name) * strength for name in SCALED}
    changes |= {name: min(changes[name], 1.0) for name in SHARES}
    changes |= {name: min(changes[name], most) for name, most in LIMITS.items()}
    changes["blur"] = tuple(sigma * strength for sigma in damage.blur)
    return damage.model_copy(update=changes | {"strength": strength})


def named(name: str) -> Damage:
    """A preset by its name, such as "scanner", or with its strength: "scanner*2".

    Raises:
        UsageError: there is no such preset, or the strength is no number from 0 to 10.
    """
    preset, times, strength = name.partition("*")
    try:
        factor = float(strength) if times else 1.0
    except ValueError:
        factor = -1.0
    if not 0 <= factor <= MOST:
        raise UsageError(f"no strength {strength!r}", mend=f"write a number from 0 to {MOST:g}, as in {preset}*2")
    return graded(preset, factor)
