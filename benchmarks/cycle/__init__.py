"""The cycle: to be measured here."""
