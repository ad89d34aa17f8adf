"""Ways to bring many rows into a table (spec/jdbc.md 18.2)."""
