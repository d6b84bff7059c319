"""Who is where, measuring what; dead letters, alerts and their outbox: one SQL database."""

from registry.dead_letters import NewDeadLetter
from registry.engine import migrate
from registry.registry import Registry, open_registry
from registry.seed import district_shapes, seed_demo_city

__all__ = [
    "NewDeadLetter",
    "Registry",
    "district_shapes",
    "migrate",
    "open_registry",
    "seed_demo_city",
]
