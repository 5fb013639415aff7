"""Tests of the contracts package: what the sources promise and what follows from it."""
