"""What every test shares: hypothesis without a clock and with the same examples everywhere."""

from hypothesis import settings

settings.register_profile("pqrsd", deadline=None, derandomize=True)
settings.load_profile("pqrsd")
