"""Aiven's JDBC connectors (spec/jdbc.md 16.1)."""
