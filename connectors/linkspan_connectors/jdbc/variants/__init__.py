"""Connectors of other vendors on the same engine: their class names and settings (spec/jdbc.md 16).

Each vendor's settings are declared as that vendor has them, and translated when a task starts: what is stored, shown
and checked has the vendor's names.
"""
