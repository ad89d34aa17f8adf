"""Avro schemas as Avro's Java library reads, writes and compares them."""
