"""The parts of the glTF reader and writer: container, accessors, nodes, splats, writing."""
