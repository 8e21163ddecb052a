"""Plans the README example of a module and the example environment, with invented names."""

import re
from collections import Counter
from typing import Any

import offline_terraform as offline

EXAMPLE = "terraform/environments/example"
VERSIONS = """
terraform {
  required_version = ">= 1.9"
  required_providers {
    google      = { source = "hashicorp/google", version = ">= 6.50, < 7" }
    google-beta = { source = "hashicorp/google-beta", version = ">= 6.50, < 7" }
  }
}
"""


def plan(space: offline.Workspace, module: str, *, known: bool = True) -> dict[str, Any]:
    """Plan the README's example as a caller would, its `source` pointing at the copy."""
    text = offline.readme_example(space.root / "terraform" / "modules" / module / "README.md")
    folder = space.root / "terraform" / "examples" / module
    folder.mkdir(parents=True, exist_ok=True)
    text = re.sub(r'(source\s*=\s*")[^"]*/modules/([\w-]+)[^"]*"', r'\1../../modules/\2"', text)
    own_versions = "required_providers" in text
    folder.joinpath("main.tf").write_text(text + ("" if own_versions else VERSIONS))
    return space.plan(f"terraform/examples/{module}", known=known)


def plan_environment(
    space: offline.Workspace, *, known: bool = True, **given: Any
) -> dict[str, Any]:
    """Plan environments/example with the values of its terraform.tfvars.example and those given."""
    values = space.root / EXAMPLE / "terraform.tfvars.example"
    values.with_name("terraform.tfvars").write_text(values.read_text())
    return space.plan(EXAMPLE, given, known=known)


def summary(plan: dict[str, Any]) -> str:
    """Count a plan's resources by type."""
    counts = Counter(
        change["type"] for change in plan["resource_changes"] if change["mode"] == "managed"
    )
    lines = [f"{count:4} {kind}" for kind, count in sorted(counts.items())]
    return "\n".join([*lines, f"{sum(counts.values()):4} in all"])
