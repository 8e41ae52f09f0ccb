"""The embedded model: trained from scratch on text generated from the knowledge entries.

Role: the package behind ``python -m trainer mini``.  In the order of the work:
:mod:`.cases` draws a patient from a condition, :mod:`.prose` writes the vignette (:mod:`.frames`
and :mod:`.rewording` vary it), :mod:`.answers` writes the four tiers, :mod:`.vocabulary` trains
the byte-level BPE, :mod:`.examples` makes token rows with loss weights, :mod:`.pretraining` is the
loop, :mod:`.measure` scores the result on the held-out vignettes, :mod:`.package` writes the
checkpoint folder and its card.
"""
