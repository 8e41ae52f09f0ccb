"""How good is it?  Evaluation of models and of the simplest answers there are.

Role: runs arms over the curated rows and writes results files; every metric comes from
:mod:`diffdx_tui.domain.scoring`.
"""
