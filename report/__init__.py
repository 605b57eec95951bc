"""Tables into HTML and XLSX for people."""

from report.build import build

__all__ = ["build"]
