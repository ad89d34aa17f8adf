"""The data plane: one process per task, one thread, whole batches (design section 7).

``host`` starts a task, ``source`` and ``sink`` are its two loops, ``conversion`` and ``chain`` are what happens to the
records in between, ``port`` is the way to the worker.
"""
