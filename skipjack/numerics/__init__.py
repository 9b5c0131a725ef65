"""Numerical methods: arrays in, arrays out; nothing here knows of trials or studies."""
