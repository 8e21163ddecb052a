"""Check one terraform module offline while writing it: `check_module.py NAME…` (none: all).

Runs fmt -check, validate, `terraform test`, and plans the example of its README, all against the
stand-in providers. `check_module.py --example` plans environments/example; `--json` prints the plan.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import module_examples
import offline_terraform as offline


def check(space: offline.Workspace, name: str) -> bool:
    """Check one module, say what failed."""
    folder = f"terraform/modules/{name}"
    steps = {
        "fmt": lambda: space.run(folder, "fmt", "-check", "-diff", "-recursive"),
        "init": lambda: space.init(folder),
        "validate": lambda: space.run(folder, "validate"),
        "test": lambda: space.run(folder, "test"),
        "README example": lambda: module_examples.plan(space, name),
    }
    good = True
    for step, run in steps.items():
        try:
            run()
        except (offline.Refused, ValueError, OSError) as problem:
            good = False
            print(f"{name}: {step} FAILED\n{problem}\n")
            if step == "init":
                break
        else:
            print(f"{name}: {step} ok")
    return good


def main() -> int:
    """Check what is asked for; 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--example", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--can-run", action="store_true", help="only set up what this needs")
    asked = parser.parse_args()
    offline.terraform()
    types = offline.used_types(offline.CHECKOUT / "terraform")
    with (
        offline.running_providers(types) as providers,
        tempfile.TemporaryDirectory() as folder,
    ):
        if asked.can_run:
            offline.environment_of("checkov")
            return 0
        space = offline.copied(Path(folder), providers)
        if asked.example:
            for known in (False, True):
                plan = module_examples.plan_environment(space, known=known)
            print(json.dumps(plan, indent=1) if asked.json else module_examples.summary(plan))
            return 0
        names = asked.modules or sorted(p.name for p in offline.MODULES.iterdir() if p.is_dir())
        failed = [name for name in names if not check(space, name)]
        return 0 if not failed else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (offline.CannotRun, offline.Refused) as problem:
        sys.exit(str(problem))
    except subprocess.SubprocessError as problem:
        sys.exit(str(problem))
