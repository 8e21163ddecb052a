"""The contract between the parts: event records, table rows, their classification and their chain.

Imports nothing of Tailnumber and nothing beyond the standard library and pydantic, so that the
gateway, the pipeline, terraform and an outside auditor read one and the same definition.
"""
