"""What a row is at every stage: one contract per table, and everything else about a table derives from it."""
