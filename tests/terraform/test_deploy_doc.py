"""What the documents tell somebody to type is typed: all bash blocks of one, in order, by one bash.

Programs that need Google, Docker or the internet are replaced by shims/shim.py, which knows their
command lines; terraform and the files' checks are the real ones, on a copy. A block that cannot be
run so has `<!-- not run: REASON -->` on the line before it.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import module_examples
import offline_terraform as offline
import pytest
import typer.main

from tailnumber.cli import app

SHIMS = offline.HERE / "shims"
PROGRAMS = ["bq", "curl", "docker", "gcloud", "git", "make", "openssl", "python"]
PROGRAMS += ["tailnumber", "terraform"]
# What every machine has. Nothing else is there to be run.
TOOLS = ["base64", "bash", "cat", "chmod", "cp", "date", "env", "grep", "head", "ls", "mkdir", "mv"]
TOOLS += ["rm", "sed", "sleep", "sort", "tail", "tee", "tr", "wc", "xargs"]
# Document -> folder of the copy that its reader stands in, and what was done there before.
DEPLOYED = (
    f"(cd {module_examples.EXAMPLE} && cp terraform.tfvars.example terraform.tfvars"
    " && terraform init >&2)\nexport TF_VAR_control_password=$(openssl rand -hex 32)"
)
DOCUMENTS = {
    "docs/deploy.md": (".", ""),
    "docs/networks.md": (".", ""),
    "docs/operations.md": (".", DEPLOYED),
    "docs/runbook.md": (".", DEPLOYED),
}
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^\n]*) -->\n)?^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


def script_of(text: str, before: str = "") -> str:
    """Join the blocks that are run. Raises: ValueError for one that is left out without a reason."""
    script = ["set -euo pipefail", before]
    for number, block in enumerate(BLOCK.finditer(text), 1):
        if block["reason"] is not None:
            if len(block["reason"]) < 15:
                message = f"block {number}: say why it is not run"
                raise ValueError(message)
        elif block["language"] in {"bash", "sh"}:
            script += [f"echo 'block {number}:' >&2", block["text"]]
        elif block["language"] in {"", "shell", "console"}:
            message = f"block {number}: commands are ```bash, other text is ```text"
            raise ValueError(message)
    return "\n".join(script)


def typed(
    text: str, folder: str, space: offline.Workspace, tmp_path: Path, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a document's blocks as its reader would."""
    programs = tmp_path / "programs"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        program = programs / name
        program.write_text(f"#!{sys.executable}\n{(SHIMS / 'shim.py').read_text()}".replace(
            "Path(__file__).resolve().parent", f"Path({str(SHIMS)!r})"
        ))  # fmt: skip
        program.chmod(0o755)
    for name in TOOLS:
        (programs / name).symlink_to(str(shutil.which(name)))
    environment = space.environment(known=True) | {
        "COPY": str(space.root),
        "HOME": str(tmp_path),
        "PATH": str(programs),
        "PYTHONPATH": str(offline.CHECKOUT),
        "REAL_TERRAFORM": offline.terraform(),
        "TO_PARSE": str(tmp_path / "to_parse"),
    }
    environment.pop("TF_VAR_control_password")
    done = subprocess.run(
        ["bash", "-c", script_of(text, before)],
        cwd=space.root / folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if (tmp_path / "to_parse").exists():
        for line in (tmp_path / "to_parse").read_text().splitlines():
            parse(json.loads(line))
    return done


def parse(arguments: list[str]) -> None:
    """Parse a line of `tailnumber` with the program itself. Raises: UsageError of its parser."""
    command: Any = typer.main.get_command(app)
    context, rest = None, arguments
    while True:
        context = command.make_context(command.name or "tailnumber", list(rest), parent=context)
        if not hasattr(command, "resolve_command"):
            return
        left = [*context._protected_args, *context.args]
        _, command, rest = command.resolve_command(context, left)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_is_run_or_known(
    document: str, changed: offline.Workspace, tmp_path: Path
):
    if not (offline.CHECKOUT / document).exists():
        pytest.skip(f"{document} is not written yet")
    text = (offline.CHECKOUT / document).read_text()

    folder, before = DOCUMENTS[document]

    done = typed(text, folder, changed, tmp_path / "typed", before)

    assert done.returncode == 0, done.stderr[-3000:]
    _, applied, printed = done.stdout.rpartition("Apply complete!")
    next_steps = re.findall(r"(?m)(?<=[ :] )((?:bq|curl|gcloud|tailnumber) .*)$", printed)
    if applied:  # its output says what to do next
        assert next_steps
        block = "```bash\n" + "\n".join(next_steps) + "\n```"
        done = typed(block, folder, changed, tmp_path / "next")
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("gcloud storage buckets make gs://b", "no such command"),
        ("gcloud storage buckets create gs://b --region=europe-west1", "operands or options"),
        ("gcloud storage buckets create", "operands or options"),
        ("docker build --target gateway --tag t .", "the Dockerfile has the targets"),
        ("tailnumber policy check nowhere.yaml", "nowhere.yaml"),
        ("make terraform-tset", "no such target"),
        ("cp nowhere.yaml here.yaml", "nowhere.yaml"),
        ("kubectl get pods", "kubectl: command not found"),
        ("echo $NOT_SET", "NOT_SET"),
    ],
)
def test_a_wrong_command_is_found(
    block: str, said: str, changed: offline.Workspace, tmp_path: Path
):
    done = typed(f"# x\n```bash\n{block}\n```\n", ".", changed, tmp_path / "typed")

    assert done.returncode != 0
    assert said in done.stderr


def test_a_wrong_line_of_our_own_program_is_found(changed: offline.Workspace, tmp_path: Path):
    line = "tailnumber login --gatway https://tailnumber.acme.example"

    with pytest.raises(Exception, match="No such option: --gatway"):
        typed(f"```bash\n{line}\n```\n", ".", changed, tmp_path / "typed")


def test_a_block_is_left_out_with_a_reason_only():
    left_out = "<!-- not run: {} -->\n```bash\nfalse\n```\n"

    assert "false" not in script_of(left_out.format("it would delete the project"))
    with pytest.raises(ValueError, match="say why"):
        script_of(left_out.format("no"))
