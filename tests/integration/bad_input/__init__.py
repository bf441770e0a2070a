"""Bad rules, events, usage and a bad world: the exit code, what is said, and nothing lost."""
