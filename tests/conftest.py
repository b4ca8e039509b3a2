"""What holds for every test: examples that come again, and no verdict by the clock."""

from hypothesis import settings

settings.register_profile("repeat", derandomize=True, deadline=None)
# make test PYTEST_ARGS=--hypothesis-profile=explore
settings.register_profile("explore", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile("repeat")
