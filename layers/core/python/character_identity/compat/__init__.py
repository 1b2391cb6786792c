"""The TypeScript client's door: its bodies translated, and our answers in its words."""
