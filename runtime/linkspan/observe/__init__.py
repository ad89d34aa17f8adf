"""Log lines and log levels of the worker process."""
