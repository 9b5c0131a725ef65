"""Workers killed by the thousand on every backend, and what they leave; see `__main__`."""
