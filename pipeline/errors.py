"""Say what can go wrong between Pub/Sub and BigQuery.

::

    PipelineError
    ├── RefusedError           one message or row is refused; it becomes a dead letter
    │   └── RowRefusedError    a row does not fit its table
    ├── WarehouseError         BigQuery did not take a batch; it may on another attempt
    ├── TableError             a table in BigQuery contradicts the contract
    └── SourceError            a file of enrichment is not in its form; it is not used

No message carries content: reasons name fields, columns and limits, never values.
"""


class PipelineError(Exception):
    """Root of everything that the pipeline raises."""


class RefusedError(PipelineError):
    """One message cannot go on; ``reason_code`` is stable, ``reason`` is for a reader.

    ``event_type`` is set where it was read and is a registered one.
    """

    def __init__(self, reason_code: str, reason: str, event_type: str | None = None) -> None:
        super().__init__(f"{reason_code}: {reason}")
        self.reason_code = reason_code
        self.reason = reason
        self.event_type = event_type


class RowRefusedError(RefusedError):
    """A row does not fit its table."""


class WarehouseError(PipelineError):
    """BigQuery was not reachable, not ready or too slow; nothing says the rows are wrong."""


class TableError(PipelineError):
    """A table in BigQuery differs from the contract in a way that cannot be altered."""


class SourceError(PipelineError):
    """A file that enrichment reads is not in its form; the message says file, line and why."""
