"""Zipped scans, read where they are: a file in an archive has the path of the archive, "/", and its name in there.

Nothing is unpacked to disk, so a name can lead nowhere; one that tries to is refused. How much is unpacked into memory
is limited by what a file in the archive may hold, whatever the archive says of it.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

from omr.limits import MAX_INDEX, MAX_MEMBER, Unreadable

_UTF8_NAME = 0x800  # flags of a file in an archive (APPNOTE 4.4.4)
_ENCRYPTED = 0x1


def members(archive: Path) -> list[Path]:
    """The paths of the files in an archive, in their order there.

    Raises:
        Unreadable: the archive can't be read.
    """
    return [Path(f"{archive}/{name}") for name in _opened(archive).files]


def holding(path: Path) -> Path | None:
    """The archive that a path leads into; None when it leads into none."""
    for parent in path.parents:
        try:
            state = parent.stat()
        except (OSError, ValueError):
            continue
        return parent if stat.S_ISREG(state.st_mode) else None
    return None


@contextmanager
def open_member(archive: Path, path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """(the file in the archive to which a path leads, its size)

    Raises:
        Unreadable: it can't be read, also when that turns out while it is read.
    """
    inside = _opened(archive)
    name = str(path)[len(str(archive)) + 1 :]
    if ".." in name.split("/"):
        raise Unreadable("outside_folder", "its name in the archive leads out of the archive")
    if name not in inside.files:
        raise Unreadable("unreadable", "no such file in the archive")
    info = inside.files[name]
    if info is None:
        raise Unreadable("archive", "the archive has several files of this name")
    if info.flag_bits & _ENCRYPTED:
        raise Unreadable("encrypted", "the archive asks for a password")
    if info.file_size > MAX_MEMBER:
        raise Unreadable("too_large", f"{info.file_size} bytes in an archive; the limit is {MAX_MEMBER}")
    try:
        with inside.zip.open(info) as file:
            yield file, info.file_size
    except (Unreadable, MemoryError):
        raise
    except NotImplementedError as error:
        raise Unreadable("archive", str(error)) from None
    except Exception as error:  # zipfile and zlib have many for what is damaged
        raise Unreadable("damaged", f"in the archive: {error}") from None


class _Archive:
    """An open archive.

    Attributes:
        files: by name; None for names that several files have.
    """

    def __init__(self, path: Path) -> None:
        self.zip = zipfile.ZipFile(path)
        self.files: dict[str, zipfile.ZipInfo | None] = {}
        for info in self.zip.infolist():
            if not info.is_dir():
                name = _name(info)
                self.files[name] = None if name in self.files else info


def _opened(path: Path) -> _Archive:
    state = path.stat()
    return _kept(path, state.st_size, state.st_mtime_ns)


@lru_cache(2)
def _kept(path: Path, _size: int, _changed: int) -> _Archive:
    """The archive as it was when it had this size and time of change; the pages of one are read one after another."""
    try:
        if _index_size(path) > MAX_INDEX:
            raise Unreadable("too_many_pages", "the archive's list of files is too long")
        return _Archive(path)
    except (Unreadable, MemoryError):
        raise
    except PermissionError as error:
        raise Unreadable("unreadable", error.strerror or str(error)) from None
    except Exception as error:  # see above
        raise Unreadable("archive", f"the archive is damaged: {error}") from None


def _index_size(path: Path) -> int:
    """Bytes of an archive's list of files, by its end record or the one for large archives (APPNOTE 4.3.14, 4.3.16)."""
    with open(path, "rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - (1 << 16) - 100))
        end = file.read()
        at = end.rfind(b"PK\5\6")
        sizes = list(struct.unpack_from("<I", end, at + 12)) if at >= 0 else [0]
        if at >= 20 and end[at - 20 : at - 16] == b"PK\6\7":
            file.seek(min(struct.unpack_from("<Q", end, at - 12)[0], length))
            record = file.read(56)
            sizes = [struct.unpack_from("<Q", record, 40)[0]] if len(record) == 56 else sizes
        return max(sizes)


def _name(info: zipfile.ZipInfo) -> str:
    """A file's name in an archive, as a relative path; old programs write it in the encoding of their country."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME:
        data = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = data.decode(encoding)
                break
            except UnicodeDecodeError:
                pass
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
