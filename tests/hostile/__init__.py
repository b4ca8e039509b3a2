"""Hostile programs, and the proof that none of them hurts anybody: ``make hostile``."""
