"""Explains diagnoses: a gRPC API, and a worker fed by a queue."""
