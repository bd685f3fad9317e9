"""Learner families, one a file; the file name is the ``type`` in YAML."""
