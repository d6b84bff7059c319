"""From broker to store: decode, validate, look up, flag, batch, store, acknowledge."""

from ingest.pipeline import Message, Pipeline
from ingest.raw_archive import RawWriter
from ingest.replay import replay
from ingest.session import BrokerAddress
from ingest.worker import IngestOptions, run_ingest

__all__ = [
    "BrokerAddress",
    "IngestOptions",
    "Message",
    "Pipeline",
    "RawWriter",
    "replay",
    "run_ingest",
]
