"""An adapter and its base as one model that any program can load.

Role: merging, the check of what was merged, and the command.  Nothing here goes to a hub.
"""
