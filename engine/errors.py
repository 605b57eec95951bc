"""The one family of errors. Each says what is wrong, where, and how to mend it; `cli.py` turns it into an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

MOST_SHOWN = 20  # errors at once


class YuejuanError(Exception):
    """Something a person can mend.

    Args:
        message: what is wrong, with the value seen and what was expected.
        file, row, column: where; `row` is the row a person sees in the file (the header is row 1).
        mend: what to do about it, as an imperative sentence.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        file: Path | str | None = None,
        row: int | None = None,
        column: str | None = None,
        mend: str = "",
    ) -> None:
        self.message, self.file, self.row, self.column, self.mend = message, file, row, column, mend
        super().__init__(str(self))

    def at(self, file: Path | str) -> Self:
        """The same error with the file named, if it was not."""
        self.file = self.file or file
        return self

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                str(self.file) if self.file is not None else "",
                f"row {self.row}" if self.row is not None else "",
                f"column {self.column!r}" if self.column else "",
            )
            if part
        )
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  To mend: {self.mend}" if self.mend else text


class UsageError(YuejuanError):
    """The command or call does not make sense as given (exit code 2)."""

    exit_code = 2


class InputError(YuejuanError):
    """An input file is missing, damaged or says something impossible (exit code 3)."""

    exit_code = 3


class InputErrors(InputError):
    """Several input errors found in one go, so that a person can mend a file in one sitting."""

    def __init__(self, errors: list[InputError]) -> None:
        self.errors = errors
        super().__init__("\n".join(str(error) for error in errors))


def raise_all(errors: list[InputError]) -> None:
    """Raise what was collected: nothing, the one error, or the first `MOST_SHOWN` of them together."""
    if len(errors) > MOST_SHOWN:
        more = InputError(f"… and {len(errors) - MOST_SHOWN} more errors", file=errors[0].file)
        errors = [*errors[:MOST_SHOWN], more]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise InputErrors(errors)


@contextmanager
def collecting(errors: list[InputError]) -> Iterator[None]:
    """Put input errors of the block into `errors` and go on, so that a person can mend several in one sitting."""
    try:
        yield
    except InputErrors as several:
        errors.extend(several.errors)
    except InputError as error:
        errors.append(error)
