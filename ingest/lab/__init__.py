"""Tables of laboratories: CSV in, samples out, or everything that is wrong with them."""

from ingest.lab.table import LabFile, read_lab_file

__all__ = ["LabFile", "read_lab_file"]
