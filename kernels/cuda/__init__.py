"""What the ``cuda`` backends of all operations share: the device, and its clock."""
