"""The question bank (题库): reading and writing it in many formats, its near-duplicates, its calibration."""

from engine.bank.duplicates import families, near_duplicates
from engine.bank.markup import plain
from engine.bank.table import SCHEMA, load_bank, questions_of, save_bank, table_of, unused

__all__ = [
    "SCHEMA",
    "families",
    "load_bank",
    "near_duplicates",
    "plain",
    "questions_of",
    "save_bank",
    "table_of",
    "unused",
]
