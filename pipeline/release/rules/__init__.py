"""The rules of public verification, one small function each, over a release's bytes alone.

What belongs here: `(Folder) -> findings`. What does not: running them (`pipeline.release.verify`), and anything that
needs data which is not published.
"""
