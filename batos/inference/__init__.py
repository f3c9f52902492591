"""Who answers: the port that every backend implements, the backends, and the journal of what they said."""
