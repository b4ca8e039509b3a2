"""Code mode in other people's frames: each module imports its framework, and nothing else does."""
