"""Figures of studies, one kind a module: from trials to marks, without a plotting package."""
