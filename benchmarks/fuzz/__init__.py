"""Ten thousand damaged pictures and bodies at a real server: python -m benchmarks.fuzz"""
