"""Configure the programs that people ask an AI with, so that they ask through the gateway.

``catalogue`` says, client by client, what is to stand where; ``formats`` put a value into a file
and leave the rest of it alone; ``ledger`` writes, remembers what was there, and puts it back.
"""
