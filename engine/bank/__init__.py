"""The question bank (题库): reading and writing it in many formats, its near-duplicates, its calibration."""

from engine.bank.duplicates import families, near_duplicates
from engine.bank.table import SCHEMA, load_bank, save_bank, unused

__all__ = ["SCHEMA", "families", "load_bank", "near_duplicates", "save_bank", "unused"]
