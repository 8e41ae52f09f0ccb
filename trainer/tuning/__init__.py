"""QLoRA training of an adapter, in a process of its own that writes a run directory.

Role: from rows through gates, packed batches and a completion-only loss to a resumable loop.  The
prompt is rendered by the engine's own function, so what is learned is what is asked at inference.
"""
