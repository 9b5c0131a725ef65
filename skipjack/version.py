"""The version of Skipjack."""

__version__ = "0.1.0"
