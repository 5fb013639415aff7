"""Files in, verdicts out: discover, read, parse, validate, mask.

Pure: no Dagster and no database here. `warehouse` stores what this package decides.
"""
