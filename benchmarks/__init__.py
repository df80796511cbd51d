"""Measurements that compare, in one run: our figure beside those of others on the same bytes.

What belongs here: programs that measure and print. What does not: tests, and anything that the pipeline needs.
"""
