"""National standards: limits as data, evaluators that are pure, tables assessed row by row."""

from standards.editions import Edition, UnknownEdition, edition, edition_file, editions
from standards.files import ASSESSORS, assess_file, read_table

__all__ = [
    "ASSESSORS",
    "Edition",
    "UnknownEdition",
    "assess_file",
    "edition",
    "edition_file",
    "editions",
    "read_table",
]
