import json

import hyperscan
import pytest

from ingress.masking.detect import Detector, Span, unescape
from ingress.masking.engine import Engine
from ingress.masking.errors import MaskingError
from ingress.masking.rules import builtin_rules, load_rules

GITHUB = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3hJ6"
ENGINES: tuple[Engine, ...] = ("vectorscan", "portable")


def rules(body: str) -> Detector:
    return Detector(load_rules(body, "test.toml"), engine="portable")


@pytest.fixture(scope="module", params=ENGINES)
def detector(request: pytest.FixtureRequest) -> Detector:
    return Detector(builtin_rules(), engine=request.param)


def secrets(detector: Detector, text: str) -> list[str]:
    return [text[span.start : span.end] for span in detector.scan(text)]


def test_span_covers_exactly_the_secret(detector: Detector) -> None:
    text = f'token = "{GITHUB}"'

    spans = [span for span in detector.scan(text) if span.tier == 1]

    assert spans == [Span("github-pat", 1, 9, 49, spans[0].rule_index)]


@pytest.mark.parametrize("before", ["é", "日本語 ", "😀", "\ud800"])
def test_offsets_are_code_points(detector: Detector, before: str) -> None:
    assert GITHUB in secrets(detector, f"{before} {GITHUB} {before}")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_secret_in_json_inside_json_is_found_in_place(detector: Detector, depth: int) -> None:
    text = f'API_TOKEN="{GITHUB}"\nnext'
    for _ in range(depth):
        text = json.dumps({"content": text})

    assert GITHUB in secrets(detector, text)


@pytest.mark.parametrize(
    "text",
    [
        'password = "${DB_PASSWORD}"',
        "token: {{ vault.token }}",
        "const apiKey = process.env.OPENAI_API_KEY;",
        'api_key = os.environ["OPENAI_API_KEY"]',
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Authorization: Bearer ${env.AUTH_TOKEN}",
        "postgres://user:${PGPASS}@db.internal/app",
        "-----BEGIN RSA PRIVATE KEY----- is how such a file starts.",
    ],
)
def test_references_and_documented_examples_are_no_secrets(detector: Detector, text: str) -> None:
    assert secrets(detector, text) == []


def test_engines_agree_on_every_example() -> None:
    one, other = (Detector(builtin_rules(), engine=engine) for engine in ENGINES)

    for rule in builtin_rules().rules:
        for text in rule.true_examples + rule.false_examples:
            assert one.scan(text) == other.scan(text), rule.rule_id


def test_entropy_must_exceed_the_rules() -> None:
    detector = rules('[[rules]]\nid = "k"\nregex = "key-([a-z]{8})"\nentropy = 2')

    assert secrets(detector, "key-aabbaabb") == []
    assert secrets(detector, "key-abcdefgh") == ["abcdefgh"]


def test_keyword_must_be_near() -> None:
    detector = rules('[[rules]]\nid = "k"\nregex = "[0-9]{8}"\nkeywords = ["acme"]')

    assert secrets(detector, "12345678") == []
    assert secrets(detector, "Acme: 12345678") == ["12345678"]
    assert secrets(detector, "acme" + " " * 200 + "12345678") == []


ALLOW = '[[rules]]\nid = "k"\nregex = "key-([a-z]{8})"\n[[rules.allowlists]]\n'


@pytest.mark.parametrize(
    ("allowance", "text", "path", "found"),
    [
        ('stopwords = ["Test"]', "key-aatestaa", None, False),
        ('stopwords = ["Test"]', "key-aatextaa", None, True),
        ('regexes = ["^aa"]', "key-aabbccdd", None, False),
        ('regexes = ["^key"]', "key-aabbccdd", None, True),
        ('regexes = ["^key"]\nregexTarget = "match"', "key-aabbccdd", None, False),
        ('regexes = ["fake"]\nregexTarget = "line"', "a\nkey-aabbccdd # fake\n", None, False),
        ('regexes = ["fake"]\nregexTarget = "line"', "fake\nkey-aabbccdd\nfake", None, True),
        ('paths = ["lock$"]', "key-aabbccdd", "yarn.lock", False),
        ('paths = ["lock$"]', "key-aabbccdd", "main.py", True),
        ('paths = ["lock$"]', "key-aabbccdd", None, True),
        (
            'condition = "AND"\npaths = ["lock$"]\nstopwords = ["aab"]',
            "key-aabbccdd",
            "a.lock",
            False,
        ),
        (
            'condition = "AND"\npaths = ["lock$"]\nstopwords = ["zzz"]',
            "key-aabbccdd",
            "a.lock",
            True,
        ),
    ],
)
def test_allowances_mean_what_gitleaks_means(
    allowance: str, text: str, path: str | None, found: bool
) -> None:
    assert bool(rules(ALLOW + allowance).scan(text, path=path)) is found


def test_general_allowance_is_for_the_rules_it_names() -> None:
    both = '[[rules]]\nid = "a"\nregex = "aaa"\n[[rules]]\nid = "b"\nregex = "bbb"\n'
    detector = rules(both + '[[allowlists]]\ntargetRules = ["a"]\nregexes = ["."]')

    assert [span.rule_id for span in detector.scan("aaa bbb")] == ["b"]


def test_rule_about_a_path_runs_only_where_the_path_is_known() -> None:
    detector = rules('[[rules]]\nid = "k"\nregex = "abc"\npath = "yaml$"')

    assert detector.scan("abc") == []
    assert detector.scan("abc", path="a.py") == []
    assert len(detector.scan("abc", path="a.yaml")) == 1


@pytest.mark.parametrize("text", [r"a\nb", r"\"x\"", r"\\\"", r"a\u0022b\u003d", "\\", "plain"])
def test_unescaped_copy_keeps_its_length(text: str) -> None:
    assert len(unescape(text)) == len(text)


class BrokenDatabase:
    """Fails as vectorscan does."""

    def scan(self, *_: object, **__: object) -> None:
        raise hyperscan.ScratchInUseError(f"while scanning {GITHUB}")


def test_engine_error_says_nothing_of_the_text() -> None:
    detector = Detector(builtin_rules(), engine="vectorscan")
    detector._prefilter._database = BrokenDatabase()

    with pytest.raises(MaskingError) as caught:
        detector.scan(GITHUB)

    assert GITHUB not in str(caught.value)


def test_general_allowance_spares_the_rules_it_excepts() -> None:
    both = '[[rules]]\nid = "a"\nregex = "aaa"\n[[rules]]\nid = "b"\nregex = "bbb"\n'
    detector = rules(both + '[[allowlists]]\nexceptRules = ["a"]\nregexes = ["."]')

    assert [span.rule_id for span in detector.scan("aaa bbb")] == ["a"]
