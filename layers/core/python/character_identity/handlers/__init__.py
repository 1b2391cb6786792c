"""Makes what Lambda calls of what a function does: the one place where functions meet their services."""
