"""Training and evaluation: everything that makes a model or says how good one is.

Role: the floor beside the screens.  It may import the engine, the store and the domain; the
application never imports it, it starts ``python -m trainer ...`` as a process of its own.
"""
