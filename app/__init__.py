"""The program: command line (never imports Qt) and, in :mod:`app.ui`, the window."""
