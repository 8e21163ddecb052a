"""One git server and one gateway before it, for all tests of git."""

from collections.abc import Iterator

import pytest
from git_server import GitServer
from running_gateway import CREDENTIAL, RunningGateway

POLICY = """\
version: 1
connections:
  forge: {{kind: git, upstream: "http://127.0.0.1:{port}", credential: secret/copilot}}
  hub: {{kind: github, upstream: "http://127.0.0.1:{port}/api/v3", credential: secret/copilot}}
  down: {{kind: git, upstream: "http://127.0.0.1:1"}}
masking: {{rules: [tiny.toml]}}
rules:
  - {{id: no-contractors, when: "'contractors' in principal.groups", effect: deny, message: "Contractors may not ask here."}}
  - {{id: protected, on: push, when: "ref == 'refs/heads/release' && ref_change != 'created'", effect: deny, message: "Release is closed until Monday."}}
  - {{id: looked-at, on: push, when: "ref.startsWith('refs/heads/careful/')", effect: review, review: {{reviewers: leads}}}}
  - {{id: no-force, on: push, when: "ref_change == 'forced' && ref == 'refs/heads/main'", effect: deny}}
  - {{id: workflows, on: push, when: "repository.startsWith('acme/watched') && paths.exists(p, p.startsWith('.github/workflows/'))", effect: deny, message: "Workflows are the platform team's."}}
  - {{id: no-keys, on: push, when: "repository.startsWith('acme/keyless') && size(findings) > 0", effect: deny, message: "There is a key in this push."}}
  - {{id: engineers, when: "'engineering' in principal.groups", effect: allow}}
"""


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("forge"), CREDENTIAL) as server:
        yield server


@pytest.fixture(scope="session")
def gateway(forge: GitServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(
        tmp_path_factory.mktemp("git-gateway"),
        forge.port,
        policy=POLICY,
        push_bytes_max=8 * 1024 * 1024,
    ) as running:
        yield running
