"""The DAG, one module a stage, thin: read tables, call the machinery, write one table."""
