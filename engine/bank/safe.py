"""XML and ZIP from strangers: what could harm is refused before it is read.

XML may not declare entities (billion laughs, files of this machine), nor be nested without end. An archive may not lead
out of itself, nor unpack to more than its limits, whatever it says of its size.
"""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from engine.errors import InputError

MOST_DEPTH = 100  # elements in elements
MOST_BYTES = 1 << 28  # of a file
MOST_MEMBERS = 50_000
MOST_UNPACKED = 1 << 30  # of an archive in all
_ENCRYPTED = 0x1

FOREIGN = "check where the file comes from, and export it again from its own program"


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: there is none, or it is too large.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"more than {MOST_BYTES >> 20} MB", file=path, mend="split it")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path, mend="check the name and the folder") from None


def parse_xml(data: bytes, file: Path | str) -> Element:
    """The root element; names of elements are without their namespace.

    Raises:
        InputError: it is no XML, or declares entities, or is nested too deep.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = 0

    def refuse(what: str) -> InputError:
        return InputError(what, file=file, row=parser.CurrentLineNumber, mend=FOREIGN)

    def doctype(name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            raise refuse("an XML file that declares things of its own (DOCTYPE with a subset), which is refused")

    def skipped(name: str, is_parameter: bool) -> None:
        raise refuse(f"an entity &{name}; that is nowhere declared")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise refuse(f"elements nested more than {MOST_DEPTH} deep")
        builder.start(_local(tag), {_local(name): value for name, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(tag))

    parser.StartDoctypeDeclHandler = doctype
    parser.SkippedEntityHandler = skipped
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except expat.ExpatError as error:
        message = f"not valid XML: {expat.errors.messages[error.code]}"
        raise InputError(message, file=file, row=error.lineno, mend=FOREIGN) from None


def _local(name: str) -> str:
    return name.rpartition("}")[2]


class Archive:
    """A ZIP that is read member by member, never unpacked to disk.

    Raises:
        InputError: it is no ZIP, has names that lead out of it, too many members, or unpacks to too much.
    """

    def __init__(self, data: bytes, path: Path) -> None:
        self.path = path
        self.left = MOST_UNPACKED
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OverflowError) as error:
            raise InputError(f"a damaged ZIP file ({error})", file=path, mend=FOREIGN) from None
        members = self._zip.infolist()
        if len(members) > MOST_MEMBERS:
            raise InputError(f"{len(members)} files in it, {MOST_MEMBERS} at most", file=path, mend=FOREIGN)
        if sum(member.file_size for member in members) > MOST_UNPACKED:
            raise InputError(f"more than {MOST_UNPACKED >> 20} MB when unpacked", file=path, mend=FOREIGN)
        for member in members:
            if leads_out(member.filename) or stat.S_ISLNK(member.external_attr >> 16):
                raise InputError(f"{member.filename!r} leads out of the archive", file=path, mend=FOREIGN)
        self.names = {member.filename: member for member in members if not member.is_dir()}

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if there is none of this name."""
        member = self.names.get(name)
        if member is None:
            return None
        if member.flag_bits & _ENCRYPTED:
            raise InputError(f"{name!r} is encrypted", file=self.path, mend="export it without a password")
        limit = min(MOST_BYTES, self.left)
        try:
            with self._zip.open(member) as file:
                data = file.read(limit + 1)
        except Exception as error:  # zipfile lets through whatever its decompressors raise
            raise InputError(f"{name!r} is damaged ({error})", file=self.path, mend=FOREIGN) from None
        if len(data) > limit:
            raise InputError(f"{name!r} unpacks to more than {limit >> 20} MB", file=self.path, mend=FOREIGN)
        self.left -= len(data)
        return data


def leads_out(name: str) -> bool:
    """Whether a path in a file would lead out of the folder that it is relative to."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in name.split("/")[0] or "\0" in name
