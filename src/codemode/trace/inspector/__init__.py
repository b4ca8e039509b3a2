"""A local page over recordings and running processes: ``codemode inspect``."""
