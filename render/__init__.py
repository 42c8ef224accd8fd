"""How scenes become pixels: requests, frames, renderers, the session, profiles and exports."""
