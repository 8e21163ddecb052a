import pytest

from ingress.policy.conditions import VARIABLE_TYPES
from ingress.policy.predicates import Either, Every, Negated, Predicate, predicates_of, split


def of(condition):
    return split(condition, VARIABLE_TYPES)


A = Predicate("model", "in", ("a",))
B = Predicate("model", "in", ("b",))
STREAM = Predicate("stream", "true", ())


@pytest.mark.parametrize(
    ("condition", "term"),
    [
        ("model == 'a'", A),
        ("'a' == model", A),
        ('model == "a" // why', A),
        (r"model == 'a\'b\\'", Predicate("model", "in", ("a'b\\",))),
        (r"model.matches(r'a\.b')", Predicate("model", "matches", (r"a\.b",))),
        (r"model.matches(r'a\')", Predicate("model", "matches", ("a\\",))),
        ("model != 'a'", Negated(A)),
        ("!(model == 'a')", Negated(A)),
        ("model in ['a', 'b']", Predicate("model", "in", ("a", "b"))),
        ("principal . groups . exists(g, g == 'x')", Predicate("principal.groups", "in", ("x",))),
        ("'x' in principal.groups", Predicate("principal.groups", "in", ("x",))),
        ("paths.exists(p, p.endsWith('y'))", Predicate("paths", "endsWith", ("y",))),
        ("paths.exists(p, p == 'x' || p == 'y')", None),
        ("stream", STREAM),
        ("!stream", Negated(STREAM)),
        ("size > 3", Predicate("size", ">", (3,))),
        ("3 < size", Predicate("size", ">", (3,))),
        ("model == 'a' || model == 'b'", Either((A, B))),
        ("(stream || model == 'a') ", Either((STREAM, A))),
        ("!(stream && model == 'a')", Negated(Every((STREAM, A)))),
    ],
)
def test_plain_condition_is_read_whole(condition, term):
    terms, rest = of(condition)

    assert rest is None
    assert term is None or terms == (term,)


def test_outer_conjunction_becomes_terms():
    assert of("model == 'a' && (stream && !(model == 'b'))").terms == (A, STREAM, Negated(B))


@pytest.mark.parametrize(
    "condition",
    [
        "paths[3] == 'x'",
        "paths.exists(p, p.startsWith('a') && p.endsWith('b'))",
        "paths.exists(p, !p.startsWith('a'))",
        "paths.exists(p, p != 'a')",
        "paths.exists(p, principal.groups.exists(g, g == p))",
        "paths.exists(model, model == 'a') ? stream : false",
        "size + 1 > 3",
        "size > -3",
        "size(paths) > 3",
        "model == '\\n'",
        "model == '''a' && 'b'''",
        "model == r'a' + 'b'",
        "bytes(model) == b'a'",
        "bytes(model) == rb'a\\'",
        "stream == true",
        "time.getHours() > 3",
        "model.size() > 3",
        "model == repository",
        "true",
    ],
)
def test_what_is_not_plain_is_left_to_cel_as_it_is(condition):
    terms, rest = of(condition)

    assert terms == ()
    assert rest in {condition, f"({condition}\n)"}


def test_condition_is_split_where_it_can_be():
    terms, rest = of("stream && size + 1 > 3 && model == 'a' && paths[0] == 'b'")

    assert terms == (STREAM, A)
    assert rest == "(size + 1 > 3\n) && (paths[0] == 'b'\n)"


def test_every_test_within_terms_is_found():
    terms, _ = of("!(stream && (model == 'a' || model == 'b'))")

    assert set(predicates_of(terms)) == {STREAM, A, B}
