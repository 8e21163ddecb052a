"""Hold the policies that ``tailnumber up`` writes at its first start, for a person to edit."""

from typing import Final

PLAIN: Final = """\
# Tailnumber's policy: who may do what, where it goes, and what is masked on the way.
# Written at the first start; yours to edit. Check it with: tailnumber policy check FILE
# A running gateway takes a change within seconds; of a broken file it takes nothing.
version: 1

# Where requests go. A credential is named here and kept encrypted elsewhere; set it with
#   tailnumber credentials set copilot
connections:
  copilot: {kind: copilot, upstream: "https://api.githubcopilot.com", credential: secret/copilot}

# `builtin` knows the formats of about 200 providers. A gitleaks file of your own can be added:
#   rules: [builtin, our-rules.toml]
masking: {rules: [builtin], tier2: audit}

# Every text is recorded under its person's key; `sealed` is the default.
content: sealed

# First match wins; no match is a refusal. Conditions are CEL, for example:
#   - {id: no-contractors-on-payments, effect: deny,
#      when: "'contractors' in principal.groups && repository.startsWith('acme/payments')",
#      message: "Contractors work on payments without AI assistance."}
rules:
  - {id: everyone, effect: allow}
"""

DEMO: Final = """\
# Tailnumber's policy for the demo: the company Acme, with a made-up Copilot on this machine.
# Written at the first start; yours to edit. Check it with: tailnumber policy check FILE
version: 1

connections:
  copilot: {kind: copilot, upstream: "@UPSTREAM@", credential: secret/@CREDENTIAL@}

masking: {rules: [builtin], tier2: audit}
content: sealed

# First match wins; no match is a refusal.
rules:
  # People who have left keep their editors for a while; their keys say nothing any more.
  - {id: accounts-on-hold, when: "'on-hold' in principal.groups", effect: deny,
     message: "Your account is on hold. Ask people-ops@acme.example."}

  # A contract forbids it: no AI on the payments code by people from outside.
  - {id: no-contractors-on-payments, effect: deny,
     when: "'contractors' in principal.groups && repository.startsWith('acme/payments')",
     message: "Contractors work on acme/payments without AI assistance (contract, section 7)."}

  # Embeddings of whole files are for the search team.
  - {id: embeddings-for-search, on: embeddings, effect: deny,
     when: "!('search' in principal.groups) && !('engineering' in principal.groups)",
     message: "Embeddings are for engineering and search."}

  - {id: everyone, effect: allow}
"""
