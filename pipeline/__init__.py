"""The machinery of procedure MM-GAC-P-008: plain Python that runs without Dagster.

Dagster appears only in `pipeline.restricted`, `pipeline.open` and `pipeline.orchestration`.
"""
