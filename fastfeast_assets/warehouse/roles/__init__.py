"""Who may do what in the warehouse: the roles, their rights, who owns what.

`rights` says what each role may, `grants` sees to it at every start, `readers` makes the views by
which readers see `ops`, `ownership` gives each table to the owner of its schema, and `separate` is
what an administrator does once, so that loading, transforming and reading are different logins.
"""
