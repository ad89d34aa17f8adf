"""ProtobufConverter: Protobuf with a schema registry, in Confluent's format."""
