"""HJ 212 over TCP: data loggers in, MQTT out, and an answer once the broker has it. ADR 0014."""

from ingest.gateway.limits import Limits
from ingest.gateway.server import Gateway, GatewayOptions, run_gateway

__all__ = ["Gateway", "GatewayOptions", "Limits", "run_gateway"]
