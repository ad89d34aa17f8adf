"""Finding plugins, their names, what they can be configured with, and whether a submitted configuration is right.

Everything here that imports plugin code (discovery, loading, definitions, preflight) runs in child processes; the
worker itself keeps only the :mod:`~linkspan.plugins.catalog`, which is pure data.
"""
