"""Connectors that come with Linkspan; each imports only :mod:`linkspan.api`."""
