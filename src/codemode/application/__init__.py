"""The application's side of a session: opening it, following its cells, what became of them."""
