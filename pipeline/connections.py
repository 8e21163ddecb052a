"""Keep what a worker process opens once: row writer, publisher, encoders, sources, chain watch.

Beam makes the steps anew for every batch and bundle; what is here outlives them. Everything is
safe to share between threads, but for the chain watch, which only the micro-batch driver uses.
"""

import threading
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from pipeline.encode import RowEncoder
from pipeline.refresh import KnownSources, Sources
from pipeline.source import local_channel
from pipeline.verify import ChainWatch
from pipeline.write import RowWriter, open_writer
from schemas.bigquery import render_table
from schemas.tables import TABLES

_LOCK: Final = threading.Lock()
_opened: Final[set[str | None]] = set()


@cache
def encoders() -> Mapping[str, RowEncoder]:
    """Return an encoder for each table of the contract, by its id."""
    return MappingProxyType(
        {name: RowEncoder(render_table(table)["schema"]) for name, table in TABLES.items()}
    )


def writer(address: str | None) -> RowWriter:
    """Return the process's row writer for an address."""
    with _LOCK:
        _opened.add(address)
        return _writer(address)


def publisher(address: str | None) -> PublisherClient:
    """Return the process's publisher for an address."""
    with _LOCK:
        return _publisher(address)


@cache
def chain_watch() -> ChainWatch:
    """Return the process's memory of every writer's chain."""
    return ChainWatch()


def known(sources: Sources) -> KnownSources:
    """Return what the process knows from its sources, kept up to date."""
    with _LOCK:
        return _known(sources)


@cache
def _known(sources: Sources) -> KnownSources:
    return KnownSources(sources)


@cache
def _writer(address: str | None) -> RowWriter:
    return open_writer(address)


@cache
def _publisher(address: str | None) -> PublisherClient:
    if address is None:
        return PublisherClient()
    return PublisherClient(transport=PublisherGrpcTransport(channel=local_channel(address)))


def forget() -> None:
    """Close every connection and forget what this process remembers; the next use opens anew."""
    with _LOCK:
        for address in _opened:
            _writer(address).close()
        _opened.clear()
        _writer.cache_clear()
        _publisher.cache_clear()
        _known.cache_clear()
        chain_watch.cache_clear()
