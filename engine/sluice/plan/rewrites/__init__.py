"""The rewrites, one module each: pure functions from plan to plan, and analyses of a plan."""
