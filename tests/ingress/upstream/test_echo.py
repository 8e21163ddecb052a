from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingress.upstream.echo import REPLACEMENT, EchoFilter

VALUE = b"aab-aaab-aab"


def through(values, pieces):
    found = EchoFilter(values)
    return b"".join(found.feed(piece) for piece in pieces) + found.finish()


@given(
    words=st.lists(
        st.sampled_from([VALUE, b"a", b"aa", b"b", b"-", b"x y", VALUE[:7]]), max_size=12
    ),
    cuts=st.lists(st.integers(0, 150), max_size=8),
)
def test_value_is_found_wherever_the_bytes_are_cut(words, cuts):
    whole = b"".join(words)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(edges) if b > a]

    assert through([VALUE], pieces) == whole.replace(VALUE, REPLACEMENT)


def test_text_without_the_value_passes_as_the_same_object():
    data = b'data: {"choices":[]}\n\n'

    assert EchoFilter([VALUE]).feed(data) is data


def test_value_within_another_is_found_as_the_longer_one():
    assert through([b"secret-1", b"Basic secret-1"], [b"x Basic secret-1 y"]) == (
        b"x " + REPLACEMENT + b" y"
    )


def test_headers_without_the_value_are_the_same_list():
    headers = [(b"a", b"1"), (b"b", b"2")]

    assert EchoFilter([VALUE]).headers(headers) is headers
