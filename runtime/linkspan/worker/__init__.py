"""The supervisor of child processes: no plugin code ever runs in the process that imports this (design section 2).

``supervisor`` is what a herder uses. ``nurseries`` starts children, ``process`` watches one. ``nursery`` is what runs
in the processes that they are forked from (``forker`` is the worker's end of these), ``child`` what runs in them.
"""
