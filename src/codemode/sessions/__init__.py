"""What every session does, whether its cells run on this machine or at a host."""
