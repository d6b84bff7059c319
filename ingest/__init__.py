"""From broker to store: decode, validate, look up, flag, batch, store, acknowledge."""

from ingest.pipeline import Message, Pipeline
from ingest.replay import replay
from ingest.worker import IngestOptions, run_ingest

__all__ = ["IngestOptions", "Message", "Pipeline", "replay", "run_ingest"]
