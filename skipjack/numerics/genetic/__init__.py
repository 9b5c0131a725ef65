"""How individuals are crossed, mutated and selected: arrays in, arrays out."""
