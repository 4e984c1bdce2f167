"""One TOML file for each skeleton: joints in order with their parents, and the left/right pairs."""
