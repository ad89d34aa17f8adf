"""Converters between values with schemas and the bytes of the log; one module each (spec/runtime.md 5.9 to 5.11)."""
