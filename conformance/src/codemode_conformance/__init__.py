"""Two V1 hosts side by side: the same programs and the same frames sent to both.

Nothing here knows how this project runs a cell, so that its own host and the published one are
driven and judged alike.
"""
