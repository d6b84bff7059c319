"""The built-in console: board, stations, sensors, alerts, dead letters, in Chinese and English."""

from console.app import create_app

__all__ = ["create_app"]
