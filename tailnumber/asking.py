"""Find a shipped question, read its parameters, and tell what it is; the warehouse is not asked."""

import difflib
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from schemas.question_values import Value, ValueFault, read_value
from schemas.questions import Question, questions
from tailnumber.errors import CommandError
from tailnumber.output import console, print_json, say, table


def named(name: str) -> Question:
    """Return the question of that name; ``-`` stands for ``_`` as well.

    Raises:
        CommandError: there is none.
    """
    asked = name.strip().lower().replace("-", "_")
    if asked in questions():
        return questions()[asked]
    near = difflib.get_close_matches(asked, questions(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "see: tailnumber ask"
    raise CommandError(f"There is no question {name!r}; {hint}")


def given(texts: Iterable[str]) -> Mapping[str, str]:
    """Return texts of the form ``name=value`` as a mapping.

    Raises:
        CommandError: one has another form, or a name stands twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"Write --param name=value; {name!r} has no value.")
        if found.setdefault(name.strip(), value) is not value:
            raise CommandError(f"The parameter {name.strip()} is given twice.")
    return found


def bind(question: Question, texts: Mapping[str, str], now: datetime) -> dict[str, Value]:
    """Return the value of each parameter: the one given, else its default.

    Raises:
        CommandError: one is unknown, missing or not of its type.
    """
    known = [parameter.name for parameter in question.parameters]
    for name in texts:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise CommandError(f"{question.name} has no parameter {name!r}; it takes: {takes}.")
    values = {}
    for parameter in question.parameters:
        text = texts.get(parameter.name, parameter.default)
        if text is None:
            raise CommandError(
                f"{question.name} needs --param {parameter.name}=…, {parameter.help}."
            )
        try:
            values[parameter.name] = read_value(parameter.name, parameter.type, text, now)
        except ValueFault as fault:
            raise CommandError(str(fault)) from fault
    return values


def show_list(*, as_json: bool) -> None:
    """Print the questions, topic by topic."""
    listed = list(questions().values())
    if as_json:
        print_json({"questions": [_document(question) for question in listed]})
        return
    for topic, group in groupby(listed, key=lambda question: question.topic):
        console().print(
            table(
                ["name", "question"],
                [[question.name, question.question] for question in group],
                title=topic,
            )
        )
    say(f"{len(listed)} questions; ask one with: tailnumber ask NAME", style="dim")


def show_question(question: Question, *, as_json: bool) -> None:
    """Print what one question answers, for whom, from what and by which SQL."""
    if as_json:
        print_json(_document(question))
        return
    say(question.title, style="bold")
    say(f"{question.question}\n\n{question.description}")
    say(f"\nasked by   {question.asked_by}")
    say(f"answers    {', '.join(question.answers) or 'no clause'}")
    say(f"reads      {', '.join(question.reads)}")
    if question.parameters:
        rows = [
            [p.name, p.type, "must be given" if p.default is None else p.default, p.help]
            for p in question.parameters
        ]
        console().print(table(["parameter", "type", "default", "what it is"], rows))
    rows = [[column.name, column.type, column.help] for column in question.columns]
    console().print(table(["column", "type", "what it is"], rows))
    say(question.sql)


def _document(question: Question) -> dict[str, Any]:
    return {
        "name": question.name,
        "title": question.title,
        "question": question.question,
        "description": question.description,
        "topic": question.topic,
        "asked_by": question.asked_by,
        "answers": question.answers,
        "parameters": [
            {"name": p.name, "type": p.type, "default": p.default, "help": p.help}
            for p in question.parameters
        ],
        "columns": [{"name": c.name, "type": c.type, "help": c.help} for c in question.columns],
        "sql": question.sql,
    }
