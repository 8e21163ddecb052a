"""Stand in for a program that a document tells somebody to run: look at its command line.

Copied as gcloud, docker, bq, curl and openssl it compares with commands.txt; as tailnumber it runs
what needs nothing and notes the rest, for the test to parse; as terraform it runs the real one
against the stand-in providers; as python and make it looks options and targets up; as git it gives
a clone of what the test copied.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
# Options that every gcloud command has.
GCLOUD = {"--project=", "--format=", "--filter=", "--limit=", "--quiet", "--account="}
GCLOUD |= {"--impersonate-service-account=", "--sort-by=", "--async"}
# Commands of ours that read files and nothing else: they are run.
HARMLESS = {("policy", "check"), ("issuers", "check")}


def refuse(reason: str) -> NoReturn:
    """End as a shell's command that failed, and say why."""
    sys.exit(f"{' '.join(sys.argv[1:2])}: {reason}: {' '.join(sys.argv[1:])}")


def known(program: str, arguments: list[str]) -> None:
    """Refuse a command line that commands.txt does not allow."""
    for line in (HERE / "commands.txt").read_text().splitlines():
        words = line.split()
        path = [word for word in words if re.fullmatch(r"[a-z][a-z0-9-]*", word)]
        if path[:1] == [program] and arguments[: len(path) - 1] == path[1:]:
            if fits(
                words[len(path) :],
                arguments[len(path) - 1 :],
                GCLOUD if program == "gcloud" else set(),
            ):
                return
            refuse(f"its operands or options are not those of {line!r}")
    refuse("no such command in tests/terraform/shims/commands.txt")


def fits(words: list[str], arguments: list[str], more: set[str]) -> bool:
    """Tell whether operands and options are allowed."""
    options = {word for word in words if word.startswith("-")} | more
    wanted = [word for word in words if not word.startswith("-")]
    operands, rest = [], list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "-" or not word.startswith("-"):
            operands.append(word)
            continue
        name, equals, value = word.partition("=")
        if f"{name}=" in options:
            if not equals and not rest:
                return False
            value = value if equals else rest.pop(0)
            if not value:
                return False
        elif name not in options or equals:
            return False
    least = sum(1 for word in wanted if not word.startswith("["))
    most = 99 if any("…" in word for word in wanted) else len(wanted)
    return least <= len(operands) <= most


def docker(arguments: list[str]) -> None:
    """Look at the command, and whether the target is one of the Dockerfile's."""
    known("docker", arguments)
    targets = re.findall(r"^FROM .* AS (\S+)", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)
    for word, after in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == "--target" and (value if equals else after) not in targets:
            refuse(f"the Dockerfile has the targets {', '.join(targets)}")


def tailnumber(arguments: list[str]) -> None:
    """Run what reads files alone; note the rest, for the test to parse with the real program."""
    if tuple(arguments[:2]) in HARMLESS:
        from tailnumber.cli import app

        app(arguments)
    with Path(os.environ["TO_PARSE"]).open("a") as noted:
        noted.write(json.dumps(arguments) + "\n")


def terraform(arguments: list[str]) -> None:
    """Run the real one on the copy, with state in a file and nobody to ask."""
    command = arguments[0]
    # The bucket for the state is Google's; what is kept in it is terraform's own matter.
    Path("backend.tf").unlink(missing_ok=True)
    more = {
        "init": ["-input=false"],
        "plan": ["-input=false", "-lock=false"],
        "apply": ["-input=false", "-auto-approve"],
    }.get(command, [])
    real = os.environ["REAL_TERRAFORM"]
    done = subprocess.run([real, command, *more, *arguments[1:]], check=False)
    sys.exit(done.returncode)


def openssl(arguments: list[str]) -> None:
    """Print random digits, as asked for."""
    known("openssl", arguments)
    print(os.urandom(int(arguments[-1])).hex())


def python(arguments: list[str]) -> None:
    """Look whether a module of ours, and its command, has the options."""
    words = [word for word in arguments if not word.startswith("-")]
    names = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    if arguments[0] != "-m" or not (CHECKOUT / words[0]).is_dir():
        refuse("a document runs modules of ours")
    asked = [sys.executable, "-m", *words[:2], "--help"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    if not told or not all(name in told for name in names):
        refuse("not an option of its --help")


def make(arguments: list[str]) -> None:
    """Look whether the Makefile has the targets."""
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    for word in arguments:
        if "=" not in word and word not in targets:
            refuse("the Makefile has no such target")


def git(arguments: list[str]) -> None:
    """Clone by linking to the copy; answer what a version is."""
    if arguments[0] == "clone":
        name = arguments[2] if len(arguments) > 2 else Path(arguments[1]).stem
        Path(name).symlink_to(os.environ["COPY"])
    elif arguments[0] not in {"rev-parse", "checkout", "pull", "fetch", "describe"}:
        refuse("not a command that a document needs")


def main() -> None:
    """Dispatch by the name that this file was started by."""
    program, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    special = {
        "docker": docker,
        "git": git,
        "make": make,
        "openssl": openssl,
        "python": python,
        "tailnumber": tailnumber,
        "terraform": terraform,
    }
    if program in special:
        special[program](arguments)
    else:
        known(program, arguments)
        print(f"({program})")


if __name__ == "__main__":
    main()
