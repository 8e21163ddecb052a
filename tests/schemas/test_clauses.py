from schemas.clauses import CLAUSES
from schemas.questions import PACKS, questions


def test_each_clause_of_a_pack_is_told_and_answered():
    answered = {
        clause
        for question in questions().values()
        for framework in PACKS.values()
        for clause in question.clauses(framework)
    }

    assert answered == set(CLAUSES)
