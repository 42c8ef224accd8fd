"""The parts of the reader of training checkpoints: finding Gaussians among tensors."""
