"""Bringing a warehouse of an earlier version to this one: what differs, and the steps that mend it.

Belongs here: the tables that a version wants, those that are there, and what lies between. When it
is done, and under which locks, is in `migrate`.
"""
