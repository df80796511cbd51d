"""How synthetic extracts are drawn, dirtied, written and counted; `pipeline.sample` is the public face.

What belongs here: odds, words, draws, planted dirt and its truth. What does not: anything that reads real extracts.
Nobody here exists: names are combinations of common ones, mail domains are reserved (RFC 2606), numbers are drawn.
"""
