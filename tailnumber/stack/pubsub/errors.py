"""What the server refuses, by gRPC status.

    PubSubError             root; never raised itself
    |- InvalidArgument      a name, message, acknowledgement id or setting breaks the rules
    |- NotFound             no such topic or subscription
    |- AlreadyExists        the name is taken
    |- Unsupported          a Pub/Sub feature this server does not have
    |- Overloaded           too many bytes wait for the disk; the client retries
    `- StorageFailed        the file could not be written or read; nothing was acknowledged
    CannotStart             the process cannot serve: port, file, lock (exit code 2)

Messages name resources and limits, never message content.
"""


class PubSubError(Exception):
    """A refusal that a client sees as one gRPC status."""

    status = "UNKNOWN"


class InvalidArgument(PubSubError):
    """The request breaks a rule of the API."""

    status = "INVALID_ARGUMENT"


class NotFound(PubSubError):
    """The topic or subscription does not exist."""

    status = "NOT_FOUND"


class AlreadyExists(PubSubError):
    """A topic or subscription of that name exists."""

    status = "ALREADY_EXISTS"


class Unsupported(PubSubError):
    """The request uses a feature that this server does not have."""

    status = "UNIMPLEMENTED"


class Overloaded(PubSubError):
    """More bytes wait to be written than the server holds in memory."""

    status = "RESOURCE_EXHAUSTED"


class StorageFailed(PubSubError):
    """The data file refused a write or a read."""

    status = "UNAVAILABLE"


class CannotStart(Exception):
    """The server cannot start; the message is one sentence with the way out."""
