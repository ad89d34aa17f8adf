"""Schemas as a registry compares them: which data of one can be read by another; converters ask the same."""
