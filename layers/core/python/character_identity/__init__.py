"""One character, the same in every picture."""
