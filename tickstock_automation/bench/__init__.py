"""Benchmarks: real processes on servers of their own, in a folder that goes away. Only the command line imports them."""
