"""What all tests share: how Hypothesis searches."""

from hypothesis import settings

# No deadline: on a shared core the first example, which imports, takes seconds. Derandomized: a failure is one on every
# machine, and a run that passed passes again.
settings.register_profile("pricecast", deadline=None, derandomize=True)
settings.load_profile("pricecast")
