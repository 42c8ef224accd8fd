"""Projects of the SuperSplat editor: splats with transforms, and camera poses."""
