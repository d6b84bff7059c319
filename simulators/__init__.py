"""Emulated sensors, replayed recordings, scripted faults: a fleet that speaks MQTT and no more."""
