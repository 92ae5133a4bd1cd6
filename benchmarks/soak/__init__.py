"""Thirty-two clients at once on a real server, for minutes: python -m benchmarks.soak"""
