"""Messages of IBM MQ queues into the log, and records of the log into queues: IBM's two connectors.

Exact behaviour: spec/mq.md. IBM's MQ client library has to be installed, and for speed one of its Python bindings.
"""
