"""Render docs/questions.md: every shipped question, topic by topic, and the packs. Pure."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from schemas.clauses import CLAUSES
from schemas.questions import PACKS, Question, questions
from schemas.scanned import row_bytes

_PAGE: Final = """\
<!-- Rendered by `python -m schemas docs`; change schemas/queries/ instead. -->
# The questions
{count} questions that compliance, security and management put to the audit trail, in BigQuery SQL,
one file each under [schemas/queries](../schemas/queries). They run the same on the stack of one
machine and on Google's BigQuery; {bigquery_only} of them run on BigQuery alone.
```bash
tailnumber ask
tailnumber ask secrets_seen_again --explain
tailnumber ask secrets_seen_again --param since=90d --param least_people=2
tailnumber ask refused_access --chart --output refused.svg
tailnumber ask model_use --csv > models.csv
tailnumber ask --pack soc2 --param since=2026-10-01 --param until=2026-11-01
```
Times are `now`, a span back from now (`30d`, `12h`, `90m`) or a date or time in UTC. `--project P`
(or `TAILNUMBER_BIGQUERY_PROJECT`) asks BigQuery in that Google Cloud project as who you are signed
in there (`gcloud auth application-default login`); without it the stack of this machine is asked.

What a question reads, and BigQuery bills, is the columns that it names, times the rows of its
period, whatever the rows of its answer: `--estimate` counts the rows and multiplies, and on
BigQuery adds the figure of its own dry run. The last column below is the bytes for each row of the
views that a question reads; lengths that vary are assumed as `schemas/scanned.py` says.

The tests put each question to a generated month of 200 people in which the answers are known, and
analyse each with ZetaSQL, BigQuery's own front end, for the names and types of its columns. All of
them together took the one-machine warehouse 7.9 s of CPU (63 questions, two shared cores;
`python -m pytest tests/tailnumber/test_answers.py` asks them and bounds it at 20 s).
{topics}
## Packs
`tailnumber ask --pack NAME` asks every question that answers a clause of the framework and writes
a folder: `README.md` clause by clause, and each answer as CSV with its SHA-256. A question shows
what was recorded; whether that meets the clause is for the auditor to say. What a clause
asks stands here in our own words (`schemas/clauses.py`, which also says what is left out because
it no longer or not yet applies).
{packs}
## Write one
A file `schemas/queries/NAME.sql` is a header and one statement; `schemas/questions.py` shows the
header. Its views have no version, each is filtered on its partition column from a parameter,
columns are named, no clock is read, and `ORDER BY` puts every row in one place; a file that breaks
a rule is refused with a sentence that says which. Then plant the answer in
`tests/support/planted*.py` and expect it in `tests/support/expected_*.py`.
"""


def questions_page() -> str:
    """Return the page.

    Raises:
        ContractError: a question breaks the rules.
    """
    shipped = list(questions().values())
    return _PAGE.format(
        count=len(shipped),
        bigquery_only=sum(question.bigquery_only for question in shipped) or "none",
        topics="\n".join(_topics(shipped)),
        packs="\n".join(_packs(shipped)),
    )


def _topics(shipped: list[Question]) -> Iterator[str]:
    for topic, group in groupby(shipped, key=lambda question: question.topic):
        yield f"\n## {topic.capitalize()}"
        yield "| name | question | clauses | bytes a row |"
        yield "|---|---|---|---|"
        for question in group:
            size = sum(row_bytes(view, columns) for view, columns in question.reads.items())
            name = f"[{question.name}](../schemas/queries/{question.name}.sql)"
            yield f"| {name} | {question.question} | {'; '.join(question.answers)} | {size} |"
    yield ""


def _packs(shipped: list[Question]) -> Iterator[str]:
    for pack, framework in PACKS.items():
        inside = [question for question in shipped if question.clauses(framework)]
        yield f"\n### `{pack}`: {framework}, {len(inside)} questions"
        yield "| clause | asks to | questions |"
        yield "|---|---|---|"
        for clause in sorted({each for one in inside for each in one.clauses(framework)}):
            names = ", ".join(each.name for each in inside if clause in each.answers)
            yield f"| {clause.removeprefix(f'{framework} ')} | {CLAUSES[clause]} | {names} |"
    yield ""
