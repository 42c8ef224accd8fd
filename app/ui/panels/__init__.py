"""Panels: every module brings a record ``PANEL`` and perhaps ``ACTIONS``, found by scanning."""
