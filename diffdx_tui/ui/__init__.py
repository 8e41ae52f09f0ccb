"""Floor 3: the screens.  The only package that imports textual; it imports no torch."""
