"""Cells that can be made again from what went into them."""
