"""From text to verdicts: parse cells, hold them against the contract, hide what is personal."""
