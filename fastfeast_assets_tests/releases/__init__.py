"""Warehouses of released versions, by which every later version is tried.

A folder a version: `warehouse.sql.xz` as that version left it, the landing zone that it was loaded
from, and what its marts held.
"""
