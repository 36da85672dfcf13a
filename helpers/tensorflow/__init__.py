"""What exists for TensorFlow alone; importing a module of this folder may import tensorflow."""
