"""A schema registry: subjects, their versions, and the rules by which these may change; kept in a compacted topic."""
