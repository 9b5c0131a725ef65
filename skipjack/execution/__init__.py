"""How trials run: one after the other, or in threads."""
