"""Floor 0: what the project talks about. Standard library, pydantic and YAML only."""
