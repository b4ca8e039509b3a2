"""Which calls go on, which wait for approval, and which are refused."""
