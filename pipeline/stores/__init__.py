"""The two databases: one module a wing; neither knows the other, and neither knows Dagster."""
