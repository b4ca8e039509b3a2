"""What the model reads and writes: pure functions from values to text and back."""
