"""How an object learns: contracts, extraction, the guardian, the sandbox. Knows objects, not missions."""
