"""Demo logs: a seeded generator of two weeks of Linux, AWS and web logs with known contents."""
