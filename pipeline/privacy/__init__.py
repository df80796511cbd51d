"""THE DOOR: the only way from the restricted wing to the open one.

What belongs here: classification, hierarchies, k-anonymity, table suppression, detectors, the ledger, and `Disclosed`.
What does not: reading files, records, reports, publishing; none of them decides what may leave.
"""
