"""JsonSchemaConverter: JSON with JSON Schema in a schema registry, in Confluent's format."""
