"""The life of cells and sessions. asyncio lives here; JavaScript does not."""
