"""What code mode would save for calls that were made directly: exact accounting, and bounds."""
