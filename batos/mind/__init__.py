"""Thinking: the prototypal state machine, its cycles, and what each kind of mission does in each state."""
