"""Contracts that every implementation of an interface keeps, as tests to inherit.

They need pytest and hypothesis, so they are imported one by one:
`from skipjack.testing.storages import StorageContract`.
"""
