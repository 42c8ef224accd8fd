"""Commands by menu: every module brings records in ``ACTIONS``, found by scanning."""
