"""Write what the demo's company knows of its people, repositories and models."""

from collections.abc import Mapping
from typing import Final

from pipeline.refresh import FILE_NAMES
from tailnumber.stack.layout import Layout, write_private

# Made-up, as the people are. Prices are of the order that providers publish, in no one's name.
TEXTS: Final[Mapping[str, str]] = {
    "directory": """\
email,department,manager_email,cost_center,employment_type,country
ada@acme.example,Payments,lena@acme.example,CC-410,employee,DE
ben@acme.example,Web,lena@acme.example,CC-420,employee,DE
chen@acme.example,Data,omar@acme.example,CC-500,employee,SG
dana@acme.example,Payments,ada@acme.example,CC-410,contractor,PL
emil@acme.example,Search,omar@acme.example,CC-430,employee,SE
farah@acme.example,Web,lena@acme.example,CC-420,employee,FR
""",
    "repositories": """\
repository,owner,criticality
acme/payments,Payments,critical
acme/warehouse,Data,high
acme/*,Engineering,medium
""",
    "prices": """\
model,input_price,output_price,cached_price,currency,valid_from
gpt-5-mini*,0.25,2,0.025,USD,2026-01-01
gpt-4.1*,2,8,0.50,USD,2026-01-01
gpt-41-copilot,0.40,1.60,0.10,USD,2026-01-01
claude-sonnet-4.6*,3,15,0.30,USD,2026-01-01
text-embedding-3-small,0.02,0,,USD,2026-01-01
""",
}


def write_samples(layout: Layout) -> None:
    """Write the files that are not there yet."""
    layout.create()
    layout.enrichment.mkdir(mode=0o700, exist_ok=True)
    for name, text in TEXTS.items():
        path = layout.enrichment / FILE_NAMES[name]
        if not path.exists():
            write_private(path, text)
