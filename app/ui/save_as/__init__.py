"""Saving a scene as a file: the dialog, what can be chosen in it, and the work."""
