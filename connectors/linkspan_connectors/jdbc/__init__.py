"""Tables of relational databases into the log, and records of the log into tables: the JDBC connectors.

Exact behaviour: spec/jdbc.md. The drivers are those of ``linkspan[jdbc]``; SQLite's comes with Python.
"""
