"""One person's data: where it is, taking it out, and keeping it out.

Belongs here: SQL over all layers about persons and their hashes. How hashes are made is in
`ingest.judge`; what a person may ask for is in docs/guides/privacy.md.
"""
