"""Fitting neural fields: the dialog, what can be chosen in it, the work, and how it is shown."""
