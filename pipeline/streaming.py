"""Hand the graph to a Beam runner that streams by itself: Dataflow, or Flink by its job server.

The runner acknowledges messages. Chains are not watched here: each worker sees a part of them.
"""

# mypy: disable-error-code="no-untyped-call"
# Beam leaves most of its calls unannotated.

import sys
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    SetupOptions,
    StandardOptions,
)

from pipeline.graph import build
from pipeline.options import AuditOptions, Places, resource
from pipeline.read import ReadSubscription
from pipeline.refresh import SOURCE_HELP, Sources, check_sources


def stream(arguments: Sequence[str]) -> int:
    """Start the streaming run and wait for its end; return the exit code."""
    options = AuditOptions(list(arguments))
    project = options.view_as(GoogleCloudOptions).project
    if not project or not options.subscription or not options.dead_letter_topic:
        sys.stderr.write("pipeline: --project, --subscription and --dead_letter_topic are needed\n")
        return 2
    for sentence in check_sources(_sources(options)).values():
        sys.stderr.write(f"pipeline: cannot start: {sentence}\n")
        return 2
    options.view_as(StandardOptions).streaming = True
    # Workers import every step by its name; what this process has in __main__ is none of theirs.
    options.view_as(SetupOptions).save_main_session = False
    with beam.Pipeline(options=options) as pipeline:
        compose(pipeline, options, project)
    return 0


def compose(pipeline: beam.Pipeline, options: AuditOptions, project: str) -> None:
    """Put the whole path into a pipeline."""
    places = Places(
        project=project,
        storage_address=options.storage,
        pubsub_address=options.pubsub,
        dead_letter_topic=resource(project, "topics", options.dead_letter_topic),
        sources=_sources(options),
    )
    subscription = resource(project, "subscriptions", options.subscription)
    build(pipeline | "ReadMessages" >> ReadSubscription(subscription), places)


def _sources(options: AuditOptions) -> Sources:
    return Sources(**{name: getattr(options, name) for name in SOURCE_HELP})
