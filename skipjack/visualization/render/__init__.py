"""Figures drawn by plotting packages: one module per package."""
