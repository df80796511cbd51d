"""Asset checks: what the gates found, recorded with its partition; they decide nothing themselves."""

import warnings

import dagster as dg

# Per-partition results need `partitions_def` on checks, which Dagster 1.13 marks as a preview; without it every run of
# a partitioned asset leaves an unresolved row. tests/test_definitions.py pins that it works.
warnings.filterwarnings(
    "ignore", message="Specifying a partitions_def on an AssetCheckSpec", category=dg.PreviewWarning
)
