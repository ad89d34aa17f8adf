"""Debezium's JDBC sink connector (spec/jdbc.md 16.2)."""
