"""Airflow's timetables: when and in which order. What is done is in network/ and alerts/."""
