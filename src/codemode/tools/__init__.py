"""What a cell may call, and the one door through which it is called."""
