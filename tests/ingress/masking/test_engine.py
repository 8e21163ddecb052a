from pathlib import Path

import pytest

from ingress.masking import engine as engine_module
from ingress.masking.detect import Detector
from ingress.masking.engine import PortablePrefilter, VectorscanPrefilter, build_prefilter
from ingress.masking.errors import MaskingError
from ingress.masking.rules import RuleSet, load_rules


def rule_set(name: str = "acme") -> RuleSet:
    return load_rules(
        f'[[rules]]\nid = "a"\nregex = "{name}-[0-9]+"\nkeywords = ["{name}"]\n'
        f'[[rules]]\nid = "b"\nregex = "[a-z]{{3}}!"\n',
        "test.toml",
    )


def test_vectorscan_names_rules_that_match() -> None:
    prefilter = VectorscanPrefilter(rule_set())

    assert list(prefilter.fired(b"acme- x!")) == []
    assert list(prefilter.fired(b"acme-1 abc! abc!")) == [0, 1]


def test_portable_names_rules_by_keyword_and_those_without() -> None:
    assert list(PortablePrefilter(rule_set()).fired(b"ACME")) == [0, 1]
    assert list(PortablePrefilter(rule_set()).fired(b"other")) == [1]


def test_compiled_database_is_kept_in_a_directory(tmp_path: Path) -> None:
    rules = rule_set("cached")
    VectorscanPrefilter(rules, tmp_path)
    (kept,) = tmp_path.iterdir()

    assert kept.suffix == ".vectorscan"


def test_rule_that_vectorscan_does_not_take_is_left_to_its_keywords() -> None:
    toml = '[[rules]]\nid = "odd"\nregex = "\\\\pN{3}acme"\nkeywords = ["acme"]\n'
    prefilter = VectorscanPrefilter(load_rules(toml, "test.toml"))

    assert list(prefilter.fired(b"acme")) in ([0], [])
    assert list(prefilter.fired(b"123acme")) == [0]


def test_missing_engine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(MaskingError, match="not installed"):
        build_prefilter(rule_set(), "vectorscan")
    assert build_prefilter(rule_set()).name == "portable"


# Assembled, so that no scanner takes this file for a leak.
TEXT = "key AKIA" + "Q3EGRIZZ" + "Z7QKZ5PL here"
ONE_RULE = """
[[rules]]
id = "aws-access-key-id"
regex = '''\\b(AKIA[A-Z2-7]{16})\\b'''
keywords = ["AKIA"]
"""


@pytest.mark.parametrize("damage", ["none", "cut", "flipped", "foreign"])
def test_kept_database_is_used_and_a_damaged_one_is_made_anew(tmp_path, monkeypatch, damage):
    pytest.importorskip("hyperscan")
    monkeypatch.setattr(engine_module, "_databases", {})
    rules = load_rules(ONE_RULE, "tests")
    first = Detector(rules, engine="vectorscan", cache_dir=tmp_path / "cache").scan(TEXT)
    (kept,) = (tmp_path / "cache").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(
        {
            "none": whole,
            "cut": whole[: len(whole) // 2],
            "flipped": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
            "foreign": b"not a database",
        }[damage]
    )
    monkeypatch.setattr(engine_module, "_databases", {})

    again = Detector(rules, engine="vectorscan", cache_dir=tmp_path / "cache").scan(TEXT)

    assert first
    assert again == first
    assert kept.read_bytes() == whole
