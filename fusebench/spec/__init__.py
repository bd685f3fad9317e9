"""The YAML spec: reading it with positions, and its validated form."""
