"""How neural fields become pixels."""
