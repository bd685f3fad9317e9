"""Feature encoders, one a file; the file name is the ``encode`` in YAML."""
