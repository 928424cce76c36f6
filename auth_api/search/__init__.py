"""Full-text search: what fills its index, and what asks it."""
