"""Protobuf schemas in the registry."""
