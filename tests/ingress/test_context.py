import pytest

from ingress.context import printable, read_context
from ingress.masking.detect import Detector
from ingress.masking.mask import Masker
from ingress.masking.rules import builtin_rules

SECRET = "AKIA" + "T56AR5H47VU6J7V5"
RECORDED = (
    b"user-agent", b"editor-version", b"vscode-machineid", b"x-session-id", b"x-interaction-id",
    b"x-request-id", b"x-github-repository-nwo", b"copilot-language-server-version",
)  # fmt: skip


@pytest.fixture(scope="module")
def mask():
    masker = Masker(Detector(builtin_rules(), engine="portable"), bytes(32))
    return lambda text: masker.mask(text)[0]


@pytest.mark.parametrize("name", RECORDED, ids=bytes.decode)
def test_secret_in_a_recorded_header_becomes_its_placeholder(mask, name):
    context = read_context([(name, f"a {SECRET}".encode())], mask)

    assert SECRET not in repr(context)
    assert "REDACTED_AWS" in repr(context)


def test_secret_is_masked_before_a_long_value_is_cut_within_it(mask):
    context = read_context([(b"user-agent", b"x" * 240 + f" {SECRET}".encode())], mask)

    assert len(context.user_agent) == 256
    assert context.user_agent.endswith(" REDACTED_AWS_AC")


def test_clients_program_is_named_from_the_masked_agent(mask):
    context = read_context([(b"user-agent", f"{SECRET}/1.0".encode())], mask)

    assert SECRET not in (context.client_name, context.user_agent)


def test_clean_headers_are_looked_at_once_all_together():
    asked = []
    read_context(
        [(b"user-agent", b"a/1"), (b"x-session-id", b"s"), (b"x-other", b"o")],
        lambda text: asked.append(text) or text,
    )

    assert asked == ["a/1\n\0\ns"]


def test_value_is_cut_and_what_cannot_be_printed_is_replaced():
    assert printable(b"a\x00\x1bb") == "a\ufffd\ufffdb"
    assert len(printable(b"x" * 999)) == 256
