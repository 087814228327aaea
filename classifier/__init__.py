"""Which topics a story is about, how surely, and which of its words say so.

A linear model over the words of a story: ``train`` makes a ``Model`` from labelled examples, ``Model.predict``
judges stories and explains itself, ``evaluate`` measures it. Knows nothing of feeds, databases or the web.
"""
