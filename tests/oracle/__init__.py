"""A second, naive statement of the rule language, to hold the engine to."""
