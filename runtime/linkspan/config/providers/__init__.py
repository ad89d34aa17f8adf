"""Values that stand elsewhere: references to them, and the providers that know them (spec/runtime.md 4.17)."""
