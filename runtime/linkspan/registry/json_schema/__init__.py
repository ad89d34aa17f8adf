"""JSON Schema as Confluent's registry reads and compares it."""
