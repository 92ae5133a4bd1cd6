"""Tests of the DeepFace engine, where DeepFace is installed: make test-deepface."""
