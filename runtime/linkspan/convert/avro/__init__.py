"""AvroConverter: Avro with a schema registry, in Confluent's format."""
