"""Dagster's side of the house: resources, partitions, jobs, schedules, sensors, and contract → TableSchema.

What belongs here: what only Dagster understands. What does not: any computation on data.
"""
