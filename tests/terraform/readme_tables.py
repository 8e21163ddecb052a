"""Fill the tables of inputs and outputs of each README below terraform/, or `--check` them."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "terraform"
BLOCK = re.compile(r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ARGUMENT = re.compile(r"^  (\w+) +=(.*?)(?=^  \w|\Z)", re.MULTILINE | re.DOTALL)


def blocks(path: Path) -> dict[str, dict[str, str]]:
    """Read the variables or outputs of a formatted file: name -> argument -> HCL on one line."""
    if not path.exists():
        return {}
    return {
        name: {key: _one_line(value) for key, value in _ARGUMENT.findall(body)}
        for name, body in BLOCK.findall(path.read_text())
    }


def _one_line(value: str) -> str:
    lines = [re.sub(r"\s+#.*$", "", line).strip() for line in value.strip().splitlines()]
    joined = " ".join(line for line in lines if line)
    return re.sub(r"([({\[]) ", r"\1", re.sub(r",? ([)}\]])", r"\1", joined))


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def inputs_table(folder: Path) -> str:
    """Render the table of a module's variables."""
    rows = ["| name | description | type | default |", "|---|---|---|---|"]
    for name, given in sorted(blocks(folder / "variables.tf").items()):
        default = _code(given["default"]) if "default" in given else "required"
        description = _cell(given.get("description", "").strip('"').replace('\\"', '"'))
        rows.append(f"| `{name}` | {description} | {_code(given.get('type', ''))} | {default} |")
    return "\n".join(rows)


def outputs_table(folder: Path) -> str:
    """Render the table of a module's outputs."""
    rows = ["| name | description |", "|---|---|"]
    for name, given in sorted(blocks(folder / "outputs.tf").items()):
        rows.append(f"| `{name}` | {_cell(given.get('description', '').strip(chr(34)))} |")
    return "\n".join(rows)


def filled(readme: Path) -> str:
    """Return a README with its tables as they should be.

    Raises: ValueError where a pair of markers is missing.
    """
    text = readme.read_text()
    for name, table in (
        ("inputs", inputs_table(readme.parent)),
        ("outputs", outputs_table(readme.parent)),
    ):
        marked = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if len(marked.findall(text)) != 1:
            raise ValueError(f"{readme}: it needs one <!-- {name} --> … <!-- /{name} -->")
        text = marked.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
    return text


def readmes() -> list[Path]:
    """List the READMEs that have tables."""
    folders = [*(ROOT / "modules").glob("*"), *(ROOT / "environments").glob("*")]
    return sorted(folder / "README.md" for folder in folders if (folder / "README.md").exists())


def main() -> int:
    """Write the tables, or with --check say which are stale."""
    check = "--check" in sys.argv[1:]
    stale = []
    for readme in readmes():
        wanted = filled(readme)
        if wanted != readme.read_text():
            stale.append(readme)
            if not check:
                readme.write_text(wanted)
    if check and stale:
        print("Stale; run `python tests/terraform/readme_tables.py`:", *stale, sep="\n  ")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
