"""Simulators for fal and Astria: strict about their contracts, simulated in what they make."""
