"""pkt-lines and what stands before a pack; refusals in the form that each client can read."""

import pytest

from ingress.errors import BadPrompt, ProtocolError
from ingress.protocol.git import (
    COMMANDS_MAX,
    FLUSH,
    PushReport,
    packet,
    packets,
    parse_push,
    parse_wants,
    plain_push_advertisement,
    refused_fetch,
    refused_push,
)

OLD, NEW, ZERO = b"1" * 40, b"2" * 40, b"0" * 40


def command(ref, old=OLD, new=NEW, capabilities=b""):
    listed = b"\0" + capabilities if capabilities else b""
    return packet(old + b" " + new + b" " + ref + listed)


def push(capabilities=b"report-status side-band-64k"):
    return parse_push(command(b"refs/heads/main", capabilities=capabilities) + FLUSH)


def test_commands_and_capabilities_are_read_and_the_pack_is_found():
    head = (
        packet(b"shallow " + OLD + b"\n")
        + command(b"refs/heads/a", ZERO, NEW, b" report-status push-options agent=git/2")
        + command(b"refs/heads/b", OLD, ZERO)
        + FLUSH
        + packet(b"an option")
        + FLUSH
    )

    found = parse_push(head + b"PACK...")

    assert [(each.ref, each.change) for each in found.commands] == [
        ("refs/heads/a", "created"),
        ("refs/heads/b", "deleted"),
    ]
    assert found.pack_start == len(head)
    assert found.has_pack
    assert "report-status" in found.capabilities


@pytest.mark.parametrize(
    "head",
    [
        b"zzzz",
        b"00",
        b"ffff",
        b"0003",
        packet(b"x"),
        b"0010" + b"cut",
        command(b"refs/heads/a"),
        command(b"refs/heads/a", b"1" * 39) + FLUSH,
        command(b"refs/heads/a", b"G" * 40) + FLUSH,
        packet(b"push-cert\0report-status") + FLUSH,
        command(b"refs/heads/a") * 2 + FLUSH,
        command(b"refs/heads/a", capabilities=b"push-options") + FLUSH + packet(b"cut"),
        b"".join(command(b"refs/heads/%d" % i) for i in range(COMMANDS_MAX + 1)) + FLUSH,
    ],
)
def test_what_is_no_push_is_refused(head):
    with pytest.raises(BadPrompt):
        parse_push(head)


@pytest.mark.parametrize(
    "ref",
    [
        b"HEAD",
        b"refs/",
        b"refs/heads/../main",
        b"refs/heads//main",
        b"refs/heads/a b",
        b"refs/heads/a\nrefs/heads/main",
        b"refs/heads/\xff",
        b"refs/heads/x.lock",
        b"refs/heads/a@{1}",
        b"refs/heads/" + b"x" * 1100,
    ],
)
def test_a_ref_that_git_would_not_take_is_refused(ref):
    with pytest.raises(BadPrompt):
        parse_push(command(ref) + FLUSH)


def test_wants_are_read_in_both_versions():
    first = packet(b"want " + OLD + b" side-band-64k\n") + packet(b"have " + NEW + b"\n") + FLUSH
    second = packet(b"command=fetch") + b"0001" + packet(b"want-ref refs/heads/main\n") + FLUSH

    assert parse_wants(first) == (OLD.decode(),)
    assert parse_wants(second) == ("refs/heads/main",)


@pytest.mark.parametrize("band", [b"side-band-64k", b"side-band"])
def test_a_refused_push_has_message_and_report_in_bands(band):
    kind, body = refused_push(
        push(b"report-status " + band), ["denied by\npolicy"], "One.\nTwo. " + "x" * 70_000
    )

    lines = [line.data for line in packets(body)]
    assert kind == b"application/x-git-receive-pack-result"
    told = b"".join(line[1:] for line in lines if line and line[:1] == b"\2")
    report = b"".join(line[1:] for line in lines if line and line[:1] == b"\1")
    assert told.startswith(b"One.\nTwo. x")
    assert [line.data for line in packets(report)] == [
        b"unpack ok\n",
        b"ng refs/heads/main denied by policy\n",
        None,
    ]
    assert lines[-1] is None


def test_a_client_without_bands_gets_the_report_alone_and_one_without_report_nothing():
    _, body = refused_push(push(b"report-status-v2"), ["no"], "message")

    assert [line.data for line in packets(body)][1] == b"ng refs/heads/main no\n"
    assert refused_push(push(b"ofs-delta"), ["no"], "message") is None


def test_a_refused_fetch_is_gits_own_error():
    kind, body = refused_fetch("no\nway", "git-upload-pack", advertised=True)

    assert kind == b"application/x-git-upload-pack-advertisement"
    assert [line.data for line in packets(body)] == [
        b"# service=git-upload-pack\n",
        None,
        b"ERR no way\n",
    ]


def test_an_advertisement_asks_for_whole_packs_and_offers_no_signed_push():
    start = packet(b"# service=git-receive-pack\n") + FLUSH
    whole = (
        start
        + packet(OLD + b" refs/heads/main\0 report-status push-cert=nonce push-options ofs-delta\n")
        + b"rest"
    )

    assert plain_push_advertisement(whole[:30]) is None
    head, rest = plain_push_advertisement(whole)

    assert head == start + packet(OLD + b" refs/heads/main\0report-status ofs-delta no-thin\n")
    assert rest == b"rest"
    with pytest.raises(ProtocolError):
        plain_push_advertisement(b"<html>nothing of the kind")


def test_a_report_that_cannot_be_read_tells_nothing():
    report = PushReport(push(b"report-status"))
    for piece in (
        b"000eunp",
        b"ack ok\n",
        packet(b"ok refs/heads/main\n"),
        packet(b"ng refs/heads/x hook\n"),
        FLUSH,
    ):
        report.feed(piece)
    assert report.results() == {"refs/heads/main": "ok", "refs/heads/x": "refused"}

    report.feed(b"garbage")
    assert report.results() == {}


@pytest.mark.parametrize("line", [FLUSH, packet(b""), packet(b"x")])
def test_a_flood_of_lines_that_say_nothing_is_no_fetch(line):
    with pytest.raises(BadPrompt, match="say nothing"):
        parse_wants(line * 20_000)


def test_a_fetch_with_very_many_haves_is_read():
    have = packet(b"have " + OLD + b"\n")

    assert parse_wants(packet(b"want " + NEW + b"\n") + FLUSH + have * 20_000) == (NEW.decode(),)


@pytest.mark.parametrize(
    "head",
    [
        command(b"refs/heads/a", capabilities=b"report-status")
        + command(b"refs/heads/b", capabilities=b"push-options"),
        packet(b"shallow " + OLD + b"\0push-options") + command(b"refs/heads/a"),
    ],
    ids=["second command", "shallow line"],
)
def test_capabilities_in_a_line_that_git_reads_otherwise_are_refused(head):
    with pytest.raises(BadPrompt, match="capabilities"):
        parse_push(head + FLUSH)
