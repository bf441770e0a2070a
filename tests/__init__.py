"""Everything that holds Sluice to its word."""
