"""Say where a run reads and writes; all of it travels to the workers with the graph."""

from argparse import ArgumentParser
from dataclasses import dataclass

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.refresh import NO_SOURCES, SOURCE_HELP, Sources


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows and refused messages go. Addresses are ``host:port``; ``None`` is Google's."""

    project: str
    storage_address: str | None = None
    pubsub_address: str | None = None
    dead_letter_topic: str | None = None
    watch_chain: bool = False
    sources: Sources = NO_SOURCES


class AuditOptions(PipelineOptions):
    """Options of the streaming run, beside those of Beam and its runner."""

    @classmethod
    def _add_argparse_args(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            # Never `required`: Beam parses every subclass's options for every pipeline.
            "--subscription",
            help="projects/P/subscriptions/S to read, or S in the project of the run",
        )
        parser.add_argument(
            "--dead_letter_topic",
            help="projects/P/topics/T, or T, that takes refused messages whole",
        )
        parser.add_argument("--storage", help="host:port of a Storage API that is not Google's")
        for name, words in SOURCE_HELP.items():
            parser.add_argument(f"--{name}", help=f"{words}; a path or gs://…")
        parser.add_argument("--pubsub", help="host:port of a Pub/Sub that is not Google's")


def resource(project: str, kind: str, name: str) -> str:
    """Return the full name of a topic or subscription that may have been given in short."""
    return name if name.startswith("projects/") else f"projects/{project}/{kind}/{name}"
