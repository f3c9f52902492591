"""Programs that run in a peer's own environment. They import the peer and the standard library, nothing of batos."""
