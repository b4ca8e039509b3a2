"""The trace of sessions: what a model caused, recorded as events, reduced to a graph, shown and exported.

Importing this package loads nothing: a session without a trace pays nothing for it.
"""
