"""Floor 4: the commands, one module each, named as they are typed."""
