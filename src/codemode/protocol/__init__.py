"""What crosses a boundary: pure values and seams. No asyncio, os, time or threads here."""
