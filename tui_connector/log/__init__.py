"""The request log beyond its screen: filter, HAR, recordings of runs, history."""
