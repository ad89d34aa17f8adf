"""The supervisor of child processes: no plugin code ever runs in the process that imports this (design section 2).

``supervisor`` is what a herder uses; ``process`` starts and watches children, ``nursery`` is the process they are
forked from, ``child`` is what runs inside them.
"""
