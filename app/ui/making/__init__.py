"""Making multiplane images: the dialog, what can be chosen in it, the preview, and the work."""
