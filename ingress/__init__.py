"""The gateway on the data path: identify, mask, decide, record, forward, and record again."""
