"""Gaussian processes on arrays: kernel, fit, prediction, acquisition and its maximisation.

Source: C. E. Rasmussen, C. K. I. Williams, "Gaussian processes for machine learning", MIT Press
2006 (chapters 2 and 5: prediction, marginal likelihood, leave-one-out).
"""
