"""Kafka's transforms and predicates: one module for each transform, named like it (spec/runtime.md 6)."""
