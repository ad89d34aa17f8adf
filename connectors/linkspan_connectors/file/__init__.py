"""Lines of a file into the log, and records of the log into a file: Apache Kafka's file connectors.

Exact behaviour and offsets: spec/runtime.md 7.4.
"""
