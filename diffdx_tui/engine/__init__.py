"""Floor 1: the model. The only floor that imports torch, transformers, peft, bitsandbytes."""
