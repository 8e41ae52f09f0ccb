"""The project's data: checked and split.

Role: ``python -m trainer data``.  A family of checks is a module; each check is a pure function
from the material to the faults it finds, and :mod:`trainer.data.registry` lists them all.
"""
