"""A body on its way: what it holds in memory stays bounded, whatever a client sends."""

import gzip

import pytest

from ingress.errors import BadPrompt
from ingress.git.spool import Spool


def test_nothing_behind_a_gzip_stream_is_kept(tmp_path):
    with Spool(tmp_path, 1000, gzipped=True) as spool:
        spool.write(gzip.compress(b"body"))

        with pytest.raises(BadPrompt, match="behind its gzip stream"):
            spool.write(b"x" * 100_000)

        assert spool.head(1000) == b"body"


def test_a_gzip_stream_in_small_pieces_is_read_whole(tmp_path):
    packed = gzip.compress(b"body" * 100)
    with Spool(tmp_path, 1000, gzipped=True) as spool:
        for place in range(len(packed)):
            spool.write(packed[place : place + 1])
        spool.end()

        assert spool.head(1000) == b"body" * 100
