"""Generations of trials, of which each is bred from the best of those before."""
