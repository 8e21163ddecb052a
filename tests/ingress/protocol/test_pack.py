"""Packs within bounds: what git wrote is read, what was made to harm is refused at its first lie."""

import hashlib
import zlib

import pytest
from git_server import git

from ingress.errors import BadPrompt
from ingress.protocol.pack import (
    BLOB,
    COMMIT,
    TREE,
    PackLimits,
    PackTooLarge,
    apply_delta,
    read_pack,
)

BODY = b"tree " + b"0" * 40 + b"\n\nmessage\n"


def entry(kind, data, *, size=None, base=b""):
    """Return an object of a pack; ``size`` is what it claims."""
    claimed = len(data) if size is None else size
    first, rest = kind << 4 | claimed & 15, claimed >> 4
    head = bytearray()
    while rest:
        head.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    return bytes([*head, first]) + base + zlib.compress(data)


def pack(*entries, count=None, checksum=None):
    body = b"PACK" + (2).to_bytes(4) + (len(entries) if count is None else count).to_bytes(4)
    body += b"".join(entries)
    return body + (hashlib.sha1(body).digest() if checksum is None else checksum)


def read(data, **limits):
    return read_pack(memoryview(data), "sha1", PackLimits(**limits))


@pytest.mark.parametrize("hashed", ["sha1", "sha256"])
def test_what_git_packs_is_read_deltas_included(tmp_path, hashed):
    git("init", "-q", f"--object-format={hashed}", cwd=tmp_path)
    for number in range(12):
        folder = tmp_path / f"d{number}"
        folder.mkdir()
        (folder / "f").write_text(f"{number}\n" * 50)
        (tmp_path / "log").write_text("".join(f"line {n}\n" for n in range(300 + number)))
        git("add", "-A", cwd=tmp_path)
        git("commit", "-qm", f"commit {number}", cwd=tmp_path)
    objects = git("rev-list", "--objects", "--all", cwd=tmp_path).text
    ids = "\n".join(line.split()[0] for line in objects.splitlines()) + "\n"
    for options in (("--delta-base-offset",), ()):
        name = git(
            "pack-objects",
            "--window=50",
            *options,
            str(tmp_path / "p"),
            cwd=tmp_path,
            data=ids.encode(),
        ).text.split()[0]
        made = (tmp_path / f"p-{name}.pack").read_bytes()

        found = read_pack(memoryview(made), hashed)

        known = {
            line.split()[0]
            for line in git(
                "cat-file", "--batch-check", "--batch-all-objects", cwd=tmp_path
            ).text.splitlines()
            if " blob " not in line
        }
        assert {each.hex() for each in found.objects} == known
        assert found.unnamed_count == 0
        assert len(found.blobs) == 24


def test_an_object_is_named_by_its_hash():
    found = read(pack(entry(COMMIT, BODY), entry(BLOB, b"text")))

    name = hashlib.sha1(b"commit %d\0%b" % (len(BODY), BODY)).digest()
    assert {key: each.kind for key, each in found.objects.items()} == {name: COMMIT}
    assert len(found.blobs) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "missing or cut"),
        (b"PACK", "missing or cut"),
        (pack(entry(COMMIT, BODY))[:-1], "checksum"),
        (pack(entry(COMMIT, BODY), checksum=b"\0" * 20), "checksum"),
        (pack(entry(COMMIT, BODY), count=2), "cut"),
        (pack(entry(COMMIT, BODY), entry(COMMIT, BODY), count=1), "behind its last object"),
        (pack(entry(COMMIT, BODY, size=5)), "larger than it claims"),
        (pack(entry(BLOB, b"\0" * 10_000_000, size=5)), "larger than it claims"),
        (pack(entry(COMMIT, BODY, size=500)), "smaller than it claims"),
        (pack(entry(0, b"")), "no known kind"),
        (pack(entry(5, b"")), "no known kind"),
        (pack(bytes([COMMIT << 4 | 3]) + b"not zlib"), "inflated"),
        (pack(entry(6, b"\0\0", base=b"\x7f")), "without its base"),
        (pack(b"\xff" * 12), "impossible size"),
        (b"PACK" + (9).to_bytes(4) + pack()[8:], "version"),
    ],
)
def test_a_pack_that_is_none_is_refused_with_its_fault(data, said):
    if said == "version":
        data = data[:-20] + hashlib.sha1(data[:-20]).digest()

    with pytest.raises(BadPrompt, match=said):
        read(data)


@pytest.mark.parametrize(
    "limits", [{"objects": 1}, {"inflated_bytes": 60}, {"kept_bytes": 60}, {"object_bytes": 10}]
)
def test_a_pack_over_a_limit_is_not_read_on(limits):
    with pytest.raises(PackTooLarge):
        read(pack(entry(COMMIT, BODY), entry(TREE, b"x" * 50)), **limits)


def test_a_delta_on_an_object_outside_the_pack_stays_unnamed():
    delta = bytes([len(BODY), 4, 4]) + b"abcd"

    found = read(pack(entry(7, delta, base=b"\x01" * 20)))

    assert found.unnamed_count == 1
    assert found.objects == {}


def test_chains_of_deltas_by_id_in_any_order_are_read_in_one_walk():
    tip = BODY
    entries = [entry(COMMIT, BODY)]
    for number in range(2000):
        base = hashlib.sha1(b"commit %d\0%b" % (len(tip), tip)).digest()
        tip = b"%b%d" % (BODY, number)
        made = bytes([len(tip)]) + bytes([0x90, len(BODY)])  # copy, then a few bytes of its own
        own = b"%d" % number
        size = len(BODY) + (0 if number == 0 else len(b"%d" % (number - 1)))
        entries.append(entry(7, bytes([size]) + made + bytes([len(own)]) + own, base=base))

    found = read(pack(*reversed(entries)))

    assert len(found.objects) == 2001


@pytest.mark.parametrize(
    ("delta", "said"),
    [
        (b"\x05\x01\x01a", "does not fit"),
        (b"\x03\x05\x90\x09", "behind its base"),
        (b"\x03\x02\x01a", "another size"),
        (b"\x03\x01\x02ab", "another size"),
        (b"\x03\x01\x00", "order"),
        (b"\x03\x01\x91", "cut"),
        (b"\x83", "cut"),
    ],
)
def test_a_delta_that_lies_is_refused(delta, said):
    with pytest.raises(BadPrompt, match=said):
        apply_delta(b"abc", delta, 1000)


def test_a_delta_that_claims_more_than_may_be_kept_is_not_applied():
    with pytest.raises(PackTooLarge):
        apply_delta(b"abc", b"\x03\xff\xff\x7f", 1000)


def test_deltas_of_a_million_small_orders_are_over_a_limit():
    orders = b"\x01a" * 200
    delta = bytes([len(BODY), 0xC8, 0x01]) + orders

    with pytest.raises(PackTooLarge):
        read(pack(entry(COMMIT, BODY), *[entry(7, delta, base=COMMIT_ID)] * 5), delta_bytes=1500)


COMMIT_ID = hashlib.sha1(b"commit %d\0%b" % (len(BODY), BODY)).digest()
