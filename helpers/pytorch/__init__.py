"""What exists for PyTorch alone; importing a module of this folder may import torch."""
