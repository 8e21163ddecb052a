from urllib.parse import quote

import pytest

from ingress.identity.copilot_token import CopilotTokens
from ingress.identity.key_form import new_key
from ingress.identity.placement import find_stray_key, take_path_key, without_keys

KEY_ID, KEY = new_key()
RAW = KEY.encode()
ESCAPED = "".join(f"%{ord(character):02X}" for character in KEY).encode()


@pytest.mark.parametrize(
    ("raw_path", "query"),
    [
        (b"/v1/chat/completions", b"api_key=" + RAW),
        (b"/v1/chat/completions", b"a=1&key=gho_" + RAW),
        (b"/" + RAW + b"/v1/models", b""),
        (b"/t/" + RAW + b"/v1/models", b""),
        (b"/v1/models", b"key=" + RAW.replace(b"_", b"%5F")),
        (b"/v1/models", b"key=" + ESCAPED),
        (b"/v1/models", b"key=" + quote(ESCAPED).encode()),
        (b"/" + ESCAPED, b""),
    ],
    ids=["query", "prefixed", "path", "path key", "underscores", "escaped", "twice", "in path"],
)
def test_key_in_the_url_is_found_however_it_is_escaped(raw_path, query):
    stray = find_stray_key(raw_path, query, [])

    assert stray is not None
    assert (stray.key, stray.in_url) == (KEY, True)
    assert KEY not in repr(stray)


@pytest.mark.parametrize(
    "header",
    [
        (b"referer", b"https://x.example/?key=" + RAW),
        (b"cookie", b"session=" + RAW),
        (b"x-goog-api-key", RAW),
        (b"user-agent", b"agent/1 " + RAW),
        (b"referer", b"https://x.example/?key=" + ESCAPED + b"&about=tnk_"),
    ],
    ids=lambda header: header[0].decode(),
)
def test_key_in_a_header_for_something_else_is_found(header):
    stray = find_stray_key(b"/v1/models", b"", [(b"host", b"x"), header])

    assert stray is not None
    assert (stray.key, stray.in_url) == (KEY, False)


@pytest.mark.parametrize(
    "name", [b"authorization", b"x-api-key", b"api-key", b"proxy-authorization"]
)
def test_key_where_it_belongs_is_not_stray(name):
    assert find_stray_key(b"/v1/models", b"after=%41", [(name, b"Bearer " + RAW)]) is None


def test_text_that_only_begins_like_a_key_is_not_stray():
    headers = [(b"referer", b"https://x.example/tnk_docs")]

    assert find_stray_key(b"/tnk_docs", b"about=tnk_", headers) is None


def test_path_key_is_cut_out_of_its_path():
    assert take_path_key(b"/t/" + RAW + b"/v1/models") == (KEY, b"/v1/models")
    assert take_path_key(b"/t/" + RAW) == (KEY, b"/")
    assert take_path_key(b"/t/nothing/v1/models") == (None, b"/t/nothing/v1/models")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/v1/models", "/v1/models"),
        ("/a%20b", "/a%20b"),
        (f"/t/{KEY}/v1/models", "/t/[gateway key]/v1/models"),
        (f"curl {KEY[:30]}", "curl [gateway key]"),
        (f"/x/{ESCAPED.decode()}", "[gateway key]"),
        (f"/x/{quote(ESCAPED)}", "[gateway key]"),
    ],
    ids=["clean", "escape", "key", "cut key", "escaped", "twice"],
)
def test_record_names_no_key(text, kept):
    assert without_keys(text) == kept


def test_clean_text_stays_the_same_object():
    text = "/v1/chat/completions"

    assert without_keys(text) is text


TOKEN = CopilotTokens(b"k" * 32).mint(KEY_ID, 1_000_000.0).token


@pytest.mark.parametrize(
    ("raw_path", "query"),
    [
        (b"/v1/models", b"access_token=" + TOKEN.encode()),
        (b"/v1/models", b"t=" + quote(TOKEN, safe="").encode()),
        (b"/t/" + TOKEN.encode(), b""),
        (b"/" + quote(TOKEN, safe="").encode(), b""),
    ],
)
def test_a_copilot_token_in_the_url_is_found(raw_path, query):
    stray = find_stray_key(raw_path, query, [])

    assert stray is not None
    assert stray.in_url


def test_a_copilot_token_is_found_in_a_cookie_and_let_be_where_it_belongs():
    bearer = b"Bearer " + TOKEN.encode()

    assert find_stray_key(b"/", b"", [(b"cookie", b"t=" + TOKEN.encode())]) is not None
    assert find_stray_key(b"/", b"tid=7", [(b"authorization", bearer)]) is None


@pytest.mark.parametrize("path", [f"/a/{TOKEN}/b", "/" + quote(TOKEN, safe=""), f"/x;{TOKEN}"])
def test_a_copilot_token_is_not_named(path):
    named = without_keys(path)

    assert TOKEN.rpartition(":")[2] not in named
    assert f"tn%3D{KEY_ID}" not in named
    assert without_keys("/tid=7/x") == "/tid=7/x"
