"""The message queue interface: structures in, codes out. Nothing here raises because of a condition of MQ."""
